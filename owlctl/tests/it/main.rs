//! `owlctl` as a program: without a daemon, and before one with fixed answers.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod live;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod service;
#[cfg(test)]
mod skew;
#[cfg(test)]
use assert_cmd::Command;
use tempfile::TempDir;

/// `owlctl` with a home of its own and nothing else in its environment.
fn owlctl(home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_owlctl"));
    command
        .env_clear()
        .env("OWLCODA_HOME", home.path())
        .args(arguments);
    command
}

/// Exit status, stdout, stderr.
fn run(home: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = owlctl(home, arguments).output().unwrap_or_else(|error| {
        unreachable!("the program that this test was built with must start: {error}")
    });
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn without_a_daemon_every_verb_ends_with_69_names_the_socket_and_the_next_command() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("run/control.sock");
    for verb in [
        &["version"][..],
        &["status"],
        &["health"],
        &["models"],
        &["models", "probe", "small"],
        &["audit"],
        &["usage"],
        &["perf"],
        &["latency"],
        &["cost"],
        &["cache", "stats"],
        &["cache", "clear"],
        &["recommend"],
        &["backends"],
        &["inspect"],
        &["traces"],
        &["captures", "list"],
        &["captures", "clear"],
    ] {
        let (status, _, stderr) = run(&home, verb);
        let verb = verb.join(" ");
        assert_eq!(status, Some(69), "{verb}: {stderr}");
        assert!(
            stderr.contains(&socket.display().to_string()),
            "{verb}: {stderr}"
        );
        assert!(stderr.contains("owlctl start"), "{verb}: {stderr}");
        assert!(stderr.contains("packaging/quickstart"), "{verb}: {stderr}");
    }
}

#[test]
fn without_a_daemon_status_prints_what_it_knows_as_text_and_as_json() {
    let home = tempfile::tempdir().unwrap();
    let (status, stdout, _) = run(&home, &["status"]);
    assert_eq!(status, Some(69));
    assert!(stdout.starts_with("owlcodad  not running\n"), "{stdout}");

    let (status, stdout, _) = run(&home, &["status", "--json"]);
    assert_eq!(status, Some(69));
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["kind"], "Status");
    assert_eq!(document["state"], "not_running");
    assert_eq!(document["home"], home.path().to_str().unwrap());
}

#[test]
fn the_client_s_version_is_known_without_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let expected = format!(
        "owlctl    {}  protocol {}\n",
        env!("CARGO_PKG_VERSION"),
        owlcoda_proto::PROTOCOL
    );
    let (status, stdout, _) = run(&home, &["version"]);
    assert_eq!((status, stdout), (Some(69), expected.clone()));
    let outcome = run(&home, &["version", "--client"]);
    assert_eq!(outcome, (Some(0), expected, String::new()));
}

#[test]
fn a_quiet_health_check_prints_nothing_at_all() {
    let home = tempfile::tempdir().unwrap();
    let outcome = run(&home, &["health", "-q"]);
    assert_eq!(outcome, (Some(69), String::new(), String::new()));
}

#[test]
fn a_socket_that_accepts_and_never_answers_ends_with_124_in_time() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("s");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let socket = socket.to_str().unwrap();
    let (status, _, stderr) = run(&home, &["models", "--socket", socket, "--timeout", "1"]);
    assert_eq!(status, Some(124), "{stderr}");
    assert!(stderr.contains("no answer within 1 s"), "{stderr}");
    let quiet = run(
        &home,
        &["health", "-q", "--socket", socket, "--timeout", "1"],
    );
    assert_eq!(quiet, (Some(124), String::new(), String::new()));
}

#[test]
fn ctrl_c_ends_a_wait_with_130() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("s");
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_owlctl"))
        .env_clear()
        .env("OWLCODA_HOME", home.path())
        .args(["status", "--timeout", "60", "--socket"])
        .arg(&socket)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "owlctl: interrupted\n"
    );
}

#[test]
fn wrong_arguments_end_with_2_and_help_with_0() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["statsu"][..],
        &["audit", "--limit", "x"],
        &["--no-such"],
        &[],
    ] {
        let (status, stdout, stderr) = run(&home, arguments);
        assert_eq!(
            (status, stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {stderr}"
        );
        assert!(stderr.contains("--help"), "{arguments:?}: {stderr}");
    }
    let (status, stdout, _) = run(&home, &["--help"]);
    assert_eq!(status, Some(0));
    assert!(stdout.contains("69  no daemon answers"), "{stdout}");
}

#[test]
fn without_any_home_the_answer_says_how_to_name_one() {
    let home = tempfile::tempdir().unwrap();
    let output = owlctl(&home, &["status"])
        .env_remove("OWLCODA_HOME")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("--home DIR"), "{stderr}");
}
