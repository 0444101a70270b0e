//! Conversations as a user has them: one prompt, many lines, Ctrl-C, leaving and coming back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

use owlcoda_proto::ErrorCode;
use owlcoda_proto::v1::TurnStatus::{Completed, Failed, Truncated};
use rustix::process::{Pid, Signal, kill_process};

use owlcoda_testkit::control::Act::{Cut, Die, End, Gap, Hold, Say, SayUnheard, Stubborn};
use owlcoda_testkit::control::Admission::{LoseAnswer, Play, Refuse};
use owlcoda_testkit::control::Scripted;

/// `owl-repl`, started.
fn start(daemon: &Scripted, arguments: &[&str]) -> Child {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    std::process::Command::new(env!("CARGO_BIN_EXE_owl-repl"))
        .env_clear()
        .env("HOME", daemon.socket().parent().unwrap())
        .arg("--socket")
        .arg(daemon.socket())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit status, stdout and stderr when `typed` is all of standard input.
fn finish(mut child: Child, typed: &str) -> (Option<i32>, String, String) {
    child
        .stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn interrupt(child: &Child) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn one_prompt_prints_the_answer_alone() {
    let daemon = Scripted::with([Play(vec![
        Say("blue "),
        Say("\u{1b}[1mlight"),
        End(Completed),
    ])]);
    let outcome = finish(start(&daemon, &["-p", "why is the sky blue"]), "");
    assert_eq!(
        outcome,
        (Some(0), "blue [1mlight\n".to_owned(), String::new())
    );
}

#[test]
fn an_answer_is_whole_and_printed_once_however_often_its_stream_ends() {
    let daemon = Scripted::with([Play(vec![
        Say("one "),
        Cut,
        Say("two "),
        SayUnheard("three "),
        Gap,
        SayUnheard("four "),
        Cut,
        Say("five"),
        SayUnheard(" six"),
        End(Completed),
    ])]);
    let outcome = finish(start(&daemon, &["-p", "count"]), "");
    let whole = "one two three four five six\n".to_owned();
    assert_eq!(outcome, (Some(0), whole, String::new()));
    assert_eq!(daemon.n_attached(), 4);
}

#[test]
fn a_daemon_that_dies_and_comes_back_is_waited_for() {
    let acts = vec![Say("before "), Die, Say("after"), End(Completed)];
    let mut daemon = Scripted::with([Play(acts)]);
    let mut child = start(&daemon, &[]);
    child.stdin.as_mut().unwrap().write_all(b"hi\n").unwrap();
    daemon.wait_for_death();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut notice = String::new();
    stderr.read_line(&mut notice).unwrap();
    assert_eq!(notice, "[the daemon went away; trying again for 10 s]\n");
    daemon.start();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "before after\n");
}

#[test]
fn an_input_whose_acknowledgement_is_lost_is_not_taken_twice() {
    let daemon = Scripted::with([LoseAnswer(vec![Say("once"), End(Completed)])]);
    let outcome = finish(start(&daemon, &["-p", "hi"]), "");
    assert_eq!(outcome, (Some(0), "once\n".to_owned(), String::new()));
    assert_eq!(daemon.n_submitted(), 1);
}

#[test]
fn a_turn_that_failed_ends_one_prompt_with_1_and_a_cut_answer_is_still_one() {
    let daemon = Scripted::with([Play(vec![Say("half"), End(Failed)])]);
    let (status, stdout, stderr) = finish(start(&daemon, &["-p", "hi"]), "");
    assert_eq!((status, stdout.as_str()), (Some(1), "half\n"));
    assert_eq!(stderr, "owl-repl: failed: could not connect to `ollama`\n");

    let daemon = Scripted::with([Play(vec![Say("half"), End(Truncated)])]);
    let (status, stdout, _) = finish(start(&daemon, &["-p", "hi"]), "");
    assert_eq!((status, stdout.as_str()), (Some(0), "half\n"));
}

#[test]
fn lines_are_answered_in_turn_and_a_refusal_does_not_end_the_conversation() {
    let daemon = Scripted::with([
        Refuse(ErrorCode::NoModel, "no model yet: start a model server"),
        Play(vec![Say("first"), End(Completed)]),
        Refuse(ErrorCode::Conflict, "another turn runs"),
        Play(vec![Say("second"), End(Completed)]),
    ]);
    let typed = "too early\none\n\n/what\n/help\nnot now\ntwo\n/quit\nnever sent\n";
    let (status, stdout, stderr) = finish(start(&daemon, &[]), typed);
    assert_eq!(
        (status, stdout.as_str()),
        (Some(0), "first\nsecond\n"),
        "{stderr}"
    );
    let notes: Vec<&str> = stderr.lines().collect();
    let done = "[scripted · in 0 · out 0 tokens · 0.0s]";
    let expected = [
        "no model yet: start a model server",
        done,
        "there is no /what; commands: /help, /quit",
        "/quit leaves, /help prints this; all else goes to the model. Ctrl-C ends a running answer.",
        "another turn runs",
        done,
    ];
    assert_eq!(notes, expected);
    assert_eq!(daemon.n_submitted(), 2);
}

#[test]
fn a_refusal_of_the_one_prompt_is_its_failure() {
    let daemon = Scripted::with([Refuse(ErrorCode::NoModel, "no model yet")]);
    let outcome = finish(start(&daemon, &["-p", "hi"]), "");
    let stderr = "owl-repl: no model yet\n".to_owned();
    assert_eq!(outcome, (Some(1), String::new(), stderr));
}

#[test]
fn ctrl_c_ends_the_answer_of_one_prompt_with_130() {
    let daemon = Scripted::with([Play(vec![Say("partial"), Hold])]);
    let mut child = start(&daemon, &["-p", "hi"]);
    let mut heard = [0; 7];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .unwrap();
    assert_eq!(&heard, b"partial");
    interrupt(&child);
    let outcome = finish(child, "");
    let stderr = "owl-repl: interrupted\n".to_owned();
    assert_eq!(outcome, (Some(130), "\n".to_owned(), stderr));
}

#[test]
fn ctrl_c_ends_an_answer_and_the_conversation_goes_on() {
    let daemon = Scripted::with([
        Play(vec![Say("partial"), Hold]),
        Play(vec![Say("next"), End(Completed)]),
    ]);
    let mut child = start(&daemon, &[]);
    child.stdin.as_mut().unwrap().write_all(b"hi\n").unwrap();
    let mut heard = [0; 7];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .unwrap();
    interrupt(&child);
    let (status, stdout, stderr) = finish(child, "again\n");
    assert_eq!((status, stdout.as_str()), (Some(0), "\nnext\n"), "{stderr}");
    assert!(stderr.starts_with("[interrupted · scripted"), "{stderr}");
}

#[test]
fn coming_back_in_mid_answer_shows_what_was_said_and_the_rest_once() {
    let daemon = Scripted::with([Play(vec![Say("half "), Hold, Say("whole"), End(Completed)])]);
    let mut left = start(&daemon, &[]);
    left.stdin
        .as_mut()
        .unwrap()
        .write_all(b"tell me\n")
        .unwrap();
    let mut heard = [0; 5];
    left.stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .unwrap();
    left.kill().unwrap();
    left.wait().unwrap();

    let outcome = finish(start(&daemon, &["--resume", "last"]), "");
    let stdout = "> tell me\nhalf whole\n".to_owned();
    let stderr = "[scripted · in 0 · out 0 tokens · 0.0s]\n".to_owned();
    assert_eq!(outcome, (Some(0), stdout, stderr));
}

#[test]
fn a_conversation_that_does_not_exist_cannot_be_resumed() {
    let daemon = Scripted::with([]);
    let (status, stdout, stderr) = finish(start(&daemon, &["--resume", "ses_none"]), "");
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert_eq!(stderr, "owl-repl: there is no such conversation\n");
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let daemon = Scripted::with([Play(vec![Say("one\n"), Say("two\n"), End(Completed)])]);
    let mut child = start(&daemon, &["-p", "hi"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_second_ctrl_c_leaves_and_says_that_the_answer_goes_on() {
    let daemon = Scripted::with([Play(vec![Say("partial"), Stubborn])]);
    let mut child = start(&daemon, &[]);
    child.stdin.as_mut().unwrap().write_all(b"hi\n").unwrap();
    let mut heard = [0; 7];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .unwrap();
    interrupt(&child);
    daemon.wait_for_interrupt();
    interrupt(&child);
    let (status, stdout, stderr) = finish(child, "");
    assert_eq!((status, stdout.as_str()), (Some(130), "\n"), "{stderr}");
    let note = "[the answer goes on without us: owl-repl --resume ses_scripted]\n";
    assert_eq!(stderr, note);
}
