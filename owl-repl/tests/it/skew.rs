//! Before a daemon of another version.

use owlcoda_proto::v1::{
    Event, Frame, InputAdmitted, ItemCompleted, ItemStarted, SessionInfo, SubmitResponse,
    TurnCompleted, TurnStarted, event, frame,
};
use owlcoda_proto::{MIN_PROTOCOL, PROTOCOL};
use owlcoda_testkit::control::{Skewed, Version, later, sent};

/// Exit status, stdout, stderr of `owl-repl`.
fn run(daemon: &Skewed, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_owl-repl"))
        .env_clear()
        .env("HOME", daemon.socket().parent().unwrap())
        .arg("--socket")
        .arg(daemon.socket())
        .args(arguments)
        .write_stdin("hello\n")
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

const WAYS: [&[&str]; 4] = [&[], &["-p", "hi"], &["--resume"], &["--model", "m"]];

#[test]
fn a_daemon_too_far_away_is_a_69_that_says_which_side_to_change() {
    for (protocol, min_client_protocol, words) in [
        (MIN_PROTOCOL - 1, 0, "owlctl restart"),
        (PROTOCOL + 2, PROTOCOL + 1, "came with the daemon"),
    ] {
        let daemon = Skewed::with(Version {
            protocol,
            min_client_protocol,
            ..Version::default()
        });
        for way in WAYS {
            let (status, stdout, stderr) = run(&daemon, way);
            assert_eq!((status, &*stdout), (Some(69), ""), "{way:?}: {stderr}");
            let versions = format!("the running daemon is 9.8.7 (protocol {protocol})");
            assert!(stderr.contains(&versions), "{way:?}: {stderr}");
            assert!(stderr.contains(words), "{way:?}: {stderr}");
            assert_eq!(stderr.lines().count(), 2, "{way:?}: {stderr}");
        }
    }
}

#[test]
fn a_daemon_that_knows_no_conversations_is_a_69_with_the_way_out() {
    let daemon = Skewed::with(Version {
        protocol: PROTOCOL - 1,
        ..Version::default()
    });
    for way in [&["-p", "hi"][..], &["--resume"]] {
        let (status, stdout, stderr) = run(&daemon, way);
        assert_eq!((status, &*stdout), (Some(69), ""), "{way:?}: {stderr}");
        let expected = "the daemon does not know this call\n  restart it, so that it is of this version: owlctl \
                        restart\n";
        assert!(stderr.ends_with(expected), "{way:?}: {stderr}");
    }
}

#[test]
fn of_a_newer_daemon_s_stream_what_is_not_known_is_passed_over() {
    // A frame and an event of kinds that come later, and a turn that ended as none does today.
    let begin = |seq, body| Frame {
        frame: Some(frame::Frame::Event(Event {
            seq,
            turn_id: "t".to_owned(),
            body,
            ..Event::default()
        })),
    };
    let answer = |status: i32| {
        [
            sent(&begin(
                1,
                Some(event::Body::InputAdmitted(InputAdmitted::default())),
            )),
            sent(&begin(
                2,
                Some(event::Body::TurnStarted(TurnStarted::default())),
            )),
            later(&begin(3, None)),
            later(&Frame { frame: None }),
            later(&begin(
                4,
                Some(event::Body::ItemStarted(ItemStarted {
                    item_id: "i".to_owned(),
                })),
            )),
            later(&begin(
                5,
                Some(event::Body::ItemCompleted(ItemCompleted {
                    item_id: "i".to_owned(),
                    text: "Hello.".to_owned(),
                    ..ItemCompleted::default()
                })),
            )),
            later(&begin(
                6,
                Some(event::Body::TurnCompleted(TurnCompleted {
                    status,
                    ..TurnCompleted::default()
                })),
            )),
        ]
        .to_vec()
    };
    let daemon = |status| {
        let session = SessionInfo {
            session_id: "s1".to_owned(),
            ..SessionInfo::default()
        };
        let submitted = SubmitResponse {
            turn_id: "t".to_owned(),
            seq: 1,
        };
        Skewed::with(
            Version {
                protocol: PROTOCOL + 1,
                min_client_protocol: PROTOCOL,
                ..Version::default()
            }
            .knowing("Sessions/Create", later(&session))
            .knowing("Turns/Submit", later(&submitted))
            .streaming("Events/Attach", answer(status)),
        )
    };
    let (status, stdout, stderr) = run(&daemon(1), &["-p", "hi"]);
    assert_eq!(
        (status, &*stdout, &*stderr),
        (Some(0), "Hello.\n", ""),
        "a turn that is complete"
    );
    let (status, stdout, stderr) = run(&daemon(99), &["-p", "hi"]);
    assert_eq!((status, &*stdout), (Some(1), "Hello.\n"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}
