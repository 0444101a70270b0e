//! `owl-repl` as a program: without a daemon, and before one that plays a script.

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod skew;
#[cfg(test)]
use assert_cmd::Command;
use tempfile::TempDir;

/// Exit status, stdout, stderr of `owl-repl` with a home of its own.
fn run(home: &TempDir, arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_owl-repl"))
        .env_clear()
        .env("OWLCODA_HOME", home.path())
        .args(arguments)
        .write_stdin(stdin)
        .output()
        .unwrap_or_else(|error| {
            unreachable!("the program that this test was built with must start: {error}")
        });
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn without_a_daemon_it_ends_with_69_and_the_next_command() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("run/control.sock");
    for arguments in [
        &[][..],
        &["-p", "hi"],
        &["-p", "-"],
        &["--resume"],
        &["--model", "m"],
    ] {
        let (status, stdout, stderr) = run(&home, arguments, "hello\n");
        assert_eq!(
            (status, stdout.as_str()),
            (Some(69), ""),
            "{arguments:?}: {stderr}"
        );
        assert!(
            stderr.contains(&socket.display().to_string()),
            "{arguments:?}: {stderr}"
        );
        assert!(stderr.contains("owlctl start"), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("packaging/quickstart"),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn wrong_arguments_end_with_2() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&["hello"][..], &["-p", ""], &["-p", "-"], &["--no-such"]] {
        let (status, stdout, stderr) = run(&home, arguments, " \n");
        assert_eq!(
            (status, stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn a_prompt_too_large_to_send_is_refused_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let (status, _, stderr) = run(&home, &["-p", "-"], &"x".repeat((1 << 20) + 1));
    assert_eq!(status, Some(1));
    assert!(stderr.contains("1024 KiB"), "{stderr}");
}
