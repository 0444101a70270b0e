//! `owlctl --context`: a daemon on another machine, behind a double of ssh.

use std::os::unix::fs::PermissionsExt as _;

use owlcoda_proto::v1::StatusResponse;
use owlcoda_testkit::control::{Answers, Served};

/// Exit status, stdout and stderr of `owlctl` with an `ssh` that runs what it is told here, for this
/// daemon.
fn run(daemon: &Served, arguments: &[&str]) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let ssh = dir.path().join("ssh");
    let socket = daemon.socket();
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = \"-T ada@farm -- owlctl proxy\" ] || {{ echo \"ssh: $*\" >&2; exit 255; }}\n\
         exec {} --socket {} proxy\n",
        env!("CARGO_BIN_EXE_owlctl"),
        socket.display()
    );
    fs_err::write(&ssh, script).unwrap();
    fs_err::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_owlctl"))
        .env_clear()
        .env("HOME", dir.path())
        .env("PATH", format!("{}:/usr/bin:/bin", dir.path().display()))
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn served() -> Served {
    let status = StatusResponse {
        version: "9.8.7".to_owned(),
        state: "running".to_owned(),
        ..StatusResponse::default()
    };
    Served::with(Answers {
        status: Ok(status),
        ..Answers::default()
    })
}

#[test]
fn another_machine_is_reached_through_the_users_own_ssh() {
    let daemon = served();
    for arguments in [
        &["--context", "ada@farm", "status"][..],
        &["health", "--context", "ada@farm"],
    ] {
        let (status, stdout, stderr) = run(&daemon, arguments);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
        assert!(stdout.starts_with("owlcodad 9.8.7  running") || stdout == "ok\n");
    }
}

#[test]
fn what_ssh_says_is_seen_and_what_works_here_alone_is_refused() {
    let daemon = served();
    let (status, _, stderr) = run(&daemon, &["--context", "bob@farm", "health"]);
    assert_eq!(status, Some(69), "{stderr}");
    assert!(stderr.contains("ssh: -T bob@farm"), "{stderr}");
    for verb in [&["doctor"][..], &["start"], &["service", "status"]] {
        let arguments = [&["--context", "ada@farm"], verb].concat();
        let (status, stdout, stderr) = run(&daemon, &arguments);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains("this machine"), "{stderr}");
    }
    let (status, _, stderr) = run(&daemon, &["--context", "-oProxyCommand=x", "health"]);
    assert_eq!(status, Some(2), "{stderr}");
}
