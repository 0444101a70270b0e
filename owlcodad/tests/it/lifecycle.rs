//! How the daemon starts, ends, and stays the only one of its home.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::process::{Ended, ended, owlcodad, owlctl, owlctl_at, program, run, said, signal};
use crate::world::{
    MODEL, Route, assert_lives, config, daemon, halting, nothing, start, start_before,
    streamed_text, until, with,
};

/// `owlcodad serve --home HOME`, not yet started.
fn serve(home: &Path) -> Command {
    let mut command = program(&owlcodad());
    command.args(["serve", "--home"]).arg(home);
    command
}

/// A home with this configuration.
fn home_with(config: &Value) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs_err::write(home.path().join("config.json"), config.to_string()).unwrap();
    home
}

/// A configuration with which a daemon starts quickly and in nobody's way.
fn quiet() -> Value {
    with(nothing(), json!({"port": 0}))
}

/// An hour of drain: a daemon that waits for it where it need not is noticed.
fn patient(config: Value) -> Value {
    with(config, json!({"server": {"drainTimeoutMs": 3_600_000}}))
}

/// The daemon ended as asked, and all its parts in time.
async fn assert_ended_well(daemon: &mut TestDaemon) {
    let status = daemon.wait_exit().await;
    let said = daemon.stderr();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains("in time"), "{said}");
    assert!(!said.contains("panic"), "{said}");
}

#[tokio::test]
async fn a_stream_in_flight_ends_whole_and_nothing_new_is_taken() {
    let upstream = FakeUpstream::start().await;
    for route in Route::BOTH {
        let mut daemon = start(patient(config(&upstream))).await;
        let gate = Gate::new();
        upstream.script(halting(&gate));
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        let mut bytes = stream.until("One").await;
        let health = format!("{}/health", daemon.url());
        daemon.terminate();
        until("new connections to be refused", async || {
            let answer = http::try_request("GET", &health, &[], "").await;
            answer.is_err().then_some(())
        })
        .await;
        let status = owlctl(&daemon, &["status", "--json"]).await.json();
        assert_eq!(status["state"], "draining");
        assert_eq!(owlctl(&daemon, &["health", "-q"]).await.status, Some(6));
        gate.open();
        bytes.extend(stream.rest().await.unwrap());
        assert_eq!(streamed_text(&bytes), "One two", "{route:?}");
        assert_ended_well(&mut daemon).await;
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_drain_and_is_the_exit_status() {
    let upstream = FakeUpstream::start().await;
    for (second, expected) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut daemon = start(patient(config(&upstream))).await;
        upstream.script(halting(&Gate::new()));
        let body = Route::Messages.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
        stream.until("One").await;
        daemon.terminate();
        until("the drain to begin", async || {
            daemon.stderr().contains("draining").then_some(())
        })
        .await;
        signal(daemon.pid(), second);
        let text = String::from_utf8(stream.rest().await.unwrap()).unwrap();
        assert!(text.contains("event: error"), "{text}");
        assert_eq!(daemon.wait_exit().await.code(), Some(expected));
    }
}

#[tokio::test]
async fn when_the_grace_is_over_callers_are_told_and_the_audit_knows() {
    let upstream = FakeUpstream::start().await;
    let short = json!({"server": {"drainTimeoutMs": 100}});
    let mut daemon = start(with(config(&upstream), short)).await;
    let mut streams = Vec::new();
    for route in Route::BOTH {
        upstream.script(halting(&Gate::new()));
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        stream.until("One").await;
        streams.push((route, stream));
    }
    daemon.terminate();
    for (route, mut stream) in streams {
        let text = String::from_utf8(stream.rest().await.unwrap()).unwrap();
        assert!(
            text.contains("the daemon is shutting down"),
            "{route:?}: {text}"
        );
        assert!(
            !text.contains("message_stop") && !text.contains("[DONE]"),
            "{text}"
        );
        upstream.next_disconnect().await;
    }
    assert_eq!(daemon.wait_exit().await.code(), Some(3));
    daemon.restart().await;
    let page = owlctl(&daemon, &["audit", "--json"]).await.json();
    let records = page["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "{page}");
    for record in records {
        assert_eq!(record["outcome"], "aborted_by_shutdown");
        assert_eq!(record["model_used"], MODEL);
    }
}

#[tokio::test]
async fn an_idle_daemon_ends_at_once_whoever_is_connected() {
    let mut daemon = daemon().config(patient(nothing())).start().await;
    let authority = daemon.url().trim_start_matches("http://").to_owned();
    let get = http::encode("GET", &authority, "/health", &[], b"");
    let mut kept = Vec::new();
    for _ in 0..50 {
        let mut connection = http::raw(&authority, &get).await;
        assert_eq!(connection.response().await.status, 200);
        kept.push(connection);
    }
    // They have not asked yet, one has begun to, and one says nothing on the control socket.
    let mut silent = http::Connection::open(&authority).await;
    let mut begun = http::raw(&authority, &get[..9]).await;
    let control = UnixStream::connect(daemon.socket()).await.unwrap();
    daemon.terminate();
    for connection in &mut kept {
        assert_eq!(connection.read_to_close().await.unwrap(), b"");
    }
    let _ = (silent.read_to_close().await, begun.read_to_close().await);
    assert_ended_well(&mut daemon).await;
    drop(control);
}

#[tokio::test]
async fn a_conversation_that_is_watched_does_not_hold_up_the_end() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("Hello"));
    let mut daemon = start(patient(config(&upstream))).await;
    let mut command = crate::process::repl(&daemon, &[]);
    command.stdin(std::process::Stdio::piped());
    let mut repl = command.spawn().unwrap();
    crate::process::type_line(&mut repl, "Hi").await;
    said(&mut repl, "Hello").await;
    daemon.terminate();
    assert_ended_well(&mut daemon).await;

    // A client that was stopped by Ctrl-Z does not answer anybody.
    daemon.restart().await;
    let mut command = crate::process::repl(&daemon, &[]);
    command.stdin(std::process::Stdio::piped());
    let mut repl = command.spawn().unwrap();
    crate::process::type_line(&mut repl, "Hi").await;
    said(&mut repl, "Hello").await;
    signal(repl.id().unwrap(), Signal::STOP);
    daemon.terminate();
    assert_ended_well(&mut daemon).await;
}

#[tokio::test]
async fn a_second_daemon_of_a_home_ends_with_75_and_names_the_first() {
    let daemon = daemon().config(nothing()).start().await;
    let second = run(serve(daemon.home())).await;
    assert_eq!(second.status, Some(75), "{second:?}");
    assert!(
        second.stderr.contains(&format!("pid {}", daemon.pid())),
        "{second:?}"
    );
    assert!(
        second.stderr.contains(&daemon.home().display().to_string()),
        "{second:?}"
    );
    assert_eq!(second.stdout, "");
    assert_lives(&daemon, daemon.pid()).await;
    assert_eq!(owlctl(&daemon, &["models", "--json"]).await.status, Some(0));
}

#[tokio::test]
async fn of_twenty_that_start_at_once_exactly_one_survives() {
    let home = home_with(&quiet());
    let mut starting: Vec<Child> = (0..20)
        .map(|_| serve(home.path()).spawn().unwrap())
        .collect();
    let mut n_refused = 0;
    while n_refused < 19 {
        let mut left = Vec::new();
        for mut child in starting {
            if child.try_wait().unwrap().is_none() {
                left.push(child);
                continue;
            }
            let ended = ended(child).await;
            assert_eq!(ended.status, Some(75), "{ended:?}");
            n_refused += 1;
        }
        starting = left;
        tokio::task::yield_now().await;
    }
    let [survivor] = &mut starting[..] else {
        panic!("one is left of {}", starting.len());
    };
    said(survivor, "serving").await;
    let health = owlctl_at(home.path(), &["status", "--json"]).await.json();
    assert_eq!(health["daemon"]["pid"], survivor.id().unwrap());
}

#[tokio::test]
async fn after_a_kill_the_next_start_works_and_finds_what_was_there() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start_before(&upstream).await;
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), &body).await.status,
        200
    );
    until("the record to be written", async || {
        let page = owlctl(&daemon, &["audit", "--json"]).await.json();
        (page["records"].as_array()?.len() == 1).then_some(())
    })
    .await;
    for _ in 0..3 {
        daemon.kill9().await;
        assert!(daemon.socket().exists(), "a socket is left behind");
        daemon.restart().await;
        let status = owlctl(&daemon, &["status", "--json"]).await.json();
        assert_eq!(
            status["daemon"]["storage"]["n_audit_records"], 1,
            "{status}"
        );
        assert_eq!(status["daemon"]["storage"]["integrity"], "ok", "{status}");
    }
    daemon.terminate();
    daemon.wait_exit().await;
    assert!(!daemon.socket().exists(), "the socket goes with the daemon");
}

#[tokio::test]
async fn a_port_in_use_ends_the_start_with_75_and_the_way_out() {
    let other = FakeUpstream::start().await;
    let port = other.addr().port();
    let home = home_with(&with(nothing(), json!({"port": port})));
    let refused = run(serve(home.path())).await;
    assert_eq!(refused.status, Some(75), "{refused:?}");
    for word in [&port.to_string(), "OWLCODA_PORT"] {
        assert!(refused.stderr.contains(word), "{refused:?}");
    }
}

fn assert_78(refused: &Ended, words: &[&str]) {
    assert_eq!(refused.status, Some(78), "{refused:?}");
    for word in words {
        assert!(
            refused.stderr.contains(word),
            "{word} is missing: {refused:?}"
        );
    }
    assert!(!refused.stderr.contains("panicked"), "{refused:?}");
}

#[tokio::test]
async fn a_home_that_cannot_be_used_is_a_78_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs_err::write(&file, "").unwrap();
    let inside = file.join("home");
    for home in [&file, &inside] {
        let refused = run(serve(home)).await;
        assert_78(&refused, &["--home DIR", &home.display().to_string()]);
    }

    // A lock that leads elsewhere would be written through.
    let linked = home_with(&quiet());
    let elsewhere = dir.path().join("precious");
    fs_err::write(&elsewhere, "kept").unwrap();
    fs_err::os::unix::fs::symlink(&elsewhere, linked.path().join("owlcodad.lock")).unwrap();
    assert_78(&run(serve(linked.path())).await, &["--home DIR"]);
    assert_eq!(fs_err::read_to_string(&elsewhere).unwrap(), "kept");
}

#[tokio::test]
async fn a_broken_configuration_is_a_78_with_its_line_and_a_suggestion() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.json");
    for (text, words) in [
        ("{\n  \"port\": 0,\n  oops\n}", &["config.json:3:"][..]),
        (
            "{\n  \"port\": 0,\n  \"modles\": []\n}",
            &["config.json:3:", "modles", "`models`"],
        ),
        ("{\n  \"port\": \"0\"\n}", &["config.json:2:", "port"]),
        (
            "{\"server\": {\"pingIntervalMs\": -1}, \"host\": \"0.0.0.0\"}",
            &["pingIntervalMs", "host"],
        ),
    ] {
        fs_err::write(&path, text).unwrap();
        assert_78(&run(serve(home.path())).await, words);
    }
    assert!(
        !home.path().join("owlcodad.lock").exists(),
        "nothing was started"
    );

    let missing = home.path().join("missing.json");
    let mut command = serve(home.path());
    command.arg("--config").arg(&missing);
    assert_78(&run(command).await, &["missing.json", "no such file"]);
}

#[tokio::test]
async fn a_configuration_in_the_working_directory_is_not_read_and_one_line_says_so() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("config.json"), "this is no configuration").unwrap();
    let home = home_with(&quiet());
    let mut command = serve(home.path());
    command.current_dir(dir.path());
    let mut child = command.spawn().unwrap();
    said(&mut child, "serving").await;
    signal(child.id().unwrap(), Signal::TERM);
    let ended = ended(child).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let lines: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("./config.json"))
        .collect();
    assert_eq!(
        lines,
        ["owlcodad: ./config.json is not read; to use it: owlcodad serve --config ./config.json"]
    );
}

#[tokio::test]
async fn the_control_socket_is_its_owner_s_alone() {
    let daemon = daemon().config(nothing()).start().await;
    let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(daemon.socket()), 0o600);
    assert_eq!(mode(daemon.socket().parent().unwrap()), 0o700);
    for name in ["store", "log"] {
        assert_eq!(mode(&daemon.home().join(name)), 0o700, "{name}");
    }
    assert_eq!(mode(&daemon.home().join("owlcodad.lock")), 0o600);

    // Where others may write, anybody could take the daemon's place.
    let home = home_with(&quiet());
    let run_dir = home.path().join("run");
    fs_err::create_dir(&run_dir).unwrap();
    fs_err::set_permissions(&run_dir, PermissionsExt::from_mode(0o777)).unwrap();
    let refused = run(serve(home.path())).await;
    assert_78(&refused, &[&run_dir.display().to_string(), "0700"]);
}

#[tokio::test]
async fn a_home_too_deep_for_a_socket_has_it_in_the_runtime_directory() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = dir.path().join("run");
    fs_err::create_dir(&runtime).unwrap();
    let home = dir.path().join("d".repeat(120));
    fs_err::create_dir(&home).unwrap();
    fs_err::write(home.join("config.json"), quiet().to_string()).unwrap();
    let mut command = serve(&home);
    command.env("XDG_RUNTIME_DIR", &runtime);
    let mut child = command.spawn().unwrap();
    let line = said(&mut child, "\n").await;
    assert!(
        line.contains(&format!("unix:{}/owlcoda/", runtime.display())),
        "{line}"
    );

    let mut command = program(&owlcoda_testkit::binary("owlctl"));
    command
        .env("OWLCODA_HOME", &home)
        .env("XDG_RUNTIME_DIR", &runtime)
        .args(["status", "--json"]);
    let status = run(command).await.json();
    assert_eq!(status["daemon"]["pid"], child.id().unwrap());

    // Without that directory there is no place, and both sides say the same.
    let refused = run(serve(&home)).await;
    assert_78(&refused, &["XDG_RUNTIME_DIR", "--socket PATH"]);
}

#[tokio::test]
async fn a_connection_that_sends_no_head_is_closed() {
    let quick = json!({"server": {"headerTimeoutMs": 200}});
    let daemon = daemon().config(with(nothing(), quick)).start().await;
    let authority = daemon.url().trim_start_matches("http://").to_owned();
    let get = http::encode("GET", &authority, "/health", &[], b"");
    let mut silent = http::Connection::open(&authority).await;
    let mut slow = http::raw(&authority, &get[..get.len() - 2]).await;
    let mut kept = http::raw(&authority, &get).await;
    assert_eq!(kept.response().await.status, 200);
    for (label, connection) in [
        ("silent", &mut silent),
        ("slow", &mut slow),
        ("kept", &mut kept),
    ] {
        let rest = connection.read_to_close().await.unwrap();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            "{label}: {rest:?}"
        );
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let one = json!({"server": {"maxConnections": 1}});
    let daemon = daemon().config(with(nothing(), one)).start().await;
    let authority = daemon.url().trim_start_matches("http://").to_owned();
    let get = http::encode("GET", &authority, "/metrics", &[], b"");
    let mut first = http::raw(&authority, &get).await;
    assert_eq!(first.response().await.status, 200);
    let mut second = http::raw(&authority, &get).await;
    first.send(&get).await;
    let metrics = first.response().await.text();
    assert!(
        metrics.contains("\nowlcoda_http_connections 1\n"),
        "{metrics}"
    );
    drop(first);
    assert_eq!(second.response().await.status, 200);
}

#[tokio::test]
async fn a_reader_of_the_standard_output_that_leaves_does_not_end_the_daemon() {
    let home = home_with(&quiet());
    let mut child = serve(home.path()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.starts_with("owlcodad "), "{line}");
    drop((lines, child.stderr.take()));
    let status = owlctl_at(home.path(), &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["pid"], child.id().unwrap());
    signal(child.id().unwrap(), Signal::TERM);
    assert_eq!(ended(child).await.status, Some(0));
}
