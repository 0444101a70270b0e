//! `owlctl start`, `stop`, `restart`, `drain` and `wait`, before a real daemon.

use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Gate, TestDaemon, binary, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{ended, exists, owlctl, owlctl_at, program, signal};
use crate::world::{
    MODEL, Route, config, daemon, halting, nothing, once, start, streamed_text, until, with,
};

/// A home whose daemon starts quickly and in nobody's way. Dropped, its daemon is stopped.
struct Home(tempfile::TempDir);

impl Home {
    fn with(config: &Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs_err::write(home.path().join("config.json"), config.to_string()).unwrap();
        Self(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a daemon that outlives its starter"
        )]
        let mut stop = std::process::Command::new(binary("owlctl"));
        stop.env_clear().arg("--home").arg(self.path());
        stop.args(["stop", "--now"]).output().unwrap();
    }
}

fn quiet() -> Value {
    with(nothing(), json!({"port": 0}))
}

/// A daemon that would wait an hour for what runs.
async fn patient_before(upstream: &FakeUpstream) -> TestDaemon {
    let patient = json!({"server": {"drainTimeoutMs": 3_600_000}});
    start(with(config(upstream), patient)).await
}

/// A stream that has given its first word, and waits at `gate`.
async fn stream_at(gate: &Gate, upstream: &FakeUpstream, daemon: &TestDaemon) -> http::Streaming {
    upstream.script(halting(gate));
    let body = Route::Messages.ask_stream(MODEL).to_string();
    let mut stream = http::open_stream(&Route::Messages.url(daemon), body).await;
    stream.until("One").await;
    stream
}

async fn status(home: &Path) -> Value {
    owlctl_at(home, &["status", "--json"]).await.json()
}

#[tokio::test]
async fn a_started_daemon_is_adopted_by_the_next_start_and_ends_with_a_stop() {
    let home = Home::with(&quiet());
    let started = owlctl_at(home.path(), &["start"]).await;
    assert_eq!(started.status, Some(0), "{started:?}");
    assert!(
        started.stdout.contains(" serves http://127.0.0.1:"),
        "{started:?}"
    );
    let status = status(home.path()).await;
    let pid = u32::try_from(status["daemon"]["pid"].as_u64().unwrap()).unwrap();
    if let Ok(stat) = fs_err::read_to_string(format!("/proc/{pid}/stat")) {
        let session = stat.rsplit(')').next().unwrap().split(' ').nth(4);
        assert_eq!(session, Some(&*pid.to_string()), "it left our terminal");
    }
    let log = fs_err::read_to_string(home.path().join("log/owlcodad.log")).unwrap();
    assert!(log.contains("serving http://"), "{log}");

    let again = owlctl_at(home.path(), &["start", "--json"]).await.json();
    assert_eq!(
        (&again["pid"], &again["has_changed"]),
        (&json!(pid), &json!(false))
    );

    let stopped = owlctl_at(home.path(), &["stop"]).await;
    assert_eq!(
        (stopped.status, stopped.stdout.as_str()),
        (Some(0), "stopped\n")
    );
    assert!(!exists(pid));
    let again = owlctl_at(home.path(), &["stop"]).await;
    assert_eq!(
        (again.status, again.stdout.as_str()),
        (Some(0), "no daemon is running\n")
    );
}

#[tokio::test]
async fn a_start_reads_the_configuration_that_it_is_told_and_a_restart_at_once_cuts() {
    let upstream = FakeUpstream::start().await;
    let home = Home::with(&json!({"prot": 8019}));
    let elsewhere = home.path().join("other.json");
    let patient = json!({"port": 0, "server": {"drainTimeoutMs": 3_600_000}});
    fs_err::write(
        &elsewhere,
        with(once(config(&upstream)), patient).to_string(),
    )
    .unwrap();
    let file = elsewhere.display().to_string();
    let started = owlctl_at(home.path(), &["start", "--config", &file, "--json"]).await;
    assert_eq!(started.status, Some(0), "{started:?}");
    let url = started.json()["http_url"].as_str().unwrap().to_owned();
    upstream.script(halting(&Gate::new()));
    let body = Route::Messages.ask_stream(MODEL).to_string();
    let mut stream = http::open_stream(&format!("{url}/v1/messages"), body).await;
    stream.until("One").await;
    let restarted = owlctl_at(home.path(), &["restart", "--now"]).await;
    assert_eq!(restarted.status, Some(3), "{restarted:?}");
    assert!(restarted.stdout.contains(" serves "), "{restarted:?}");
    let status = status(home.path()).await;
    assert_eq!(
        status["daemon"]["config_path"], *file,
        "the same file again"
    );
}

#[tokio::test]
async fn a_daemon_that_does_not_start_says_why_and_with_which_status() {
    let home = Home::with(&json!({"prot": 8019}));
    let started = owlctl_at(home.path(), &["start"]).await;
    assert_eq!(
        (started.status, started.stdout.as_str()),
        (Some(78), ""),
        "{started:?}"
    );
    assert!(
        started.stderr.contains("did you mean `port`"),
        "{started:?}"
    );
    assert!(
        started.stderr.contains("the daemon did not start"),
        "{started:?}"
    );
}

#[tokio::test]
async fn a_stop_at_once_cuts_what_runs_and_says_so() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = patient_before(&upstream).await;
    let mut stream = stream_at(&Gate::new(), &upstream, &daemon).await;
    let stopped = owlctl(&daemon, &["stop", "--now"]).await;
    assert_eq!(stopped.status, Some(3), "{stopped:?}");
    assert!(
        stopped.stderr.contains("calls had to be cut"),
        "{stopped:?}"
    );
    let text = String::from_utf8(stream.rest().await.unwrap()).unwrap();
    assert!(text.contains("event: error"), "{text}");
    assert_eq!(daemon.wait_exit().await.code(), Some(3));
}

#[tokio::test]
async fn a_drain_waits_for_what_runs_unless_somebody_loses_patience() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = patient_before(&upstream).await;
    let gate = Gate::new();
    let mut stream = stream_at(&gate, &upstream, &daemon).await;
    let mut drain = program(&binary("owlctl"));
    drain
        .env("OWLCODA_HOME", daemon.home())
        .args(["drain", "--grace", "3600"]);
    let drain = drain.spawn().unwrap();
    until("the drain to begin", async || {
        (status(daemon.home()).await["state"] == "draining").then_some(())
    })
    .await;
    gate.open();
    assert!(streamed_text(&stream.rest().await.unwrap()).ends_with(" two"));
    assert_eq!(ended(drain).await.status, Some(0));
    assert_eq!(daemon.wait_exit().await.code(), Some(0));

    let mut daemon = patient_before(&upstream).await;
    let _stream = stream_at(&Gate::new(), &upstream, &daemon).await;
    let mut drain = program(&binary("owlctl"));
    drain
        .env("OWLCODA_HOME", daemon.home())
        .args(["drain", "--grace", "3600"]);
    let drain = drain.spawn().unwrap();
    until("the drain to begin", async || {
        (status(daemon.home()).await["state"] == "draining").then_some(())
    })
    .await;
    assert_eq!(owlctl(&daemon, &["stop", "--now"]).await.status, Some(3));
    assert_eq!(ended(drain).await.status, Some(3), "it is told, too");
    daemon.wait_exit().await;
}

#[tokio::test]
async fn a_restart_keeps_the_process_and_takes_what_waited_for_it() {
    let upstream = FakeUpstream::start().await;
    let daemon = patient_before(&upstream).await;
    let before = status(daemon.home()).await;
    let changed = json!({"port": 0, "storage": {"cacheBytes": 8_388_608}});
    daemon.write_config(with(once(config(&upstream)), changed));
    assert_eq!(owlctl(&daemon, &["reload"]).await.status, Some(3));
    let gate = Gate::new();
    let mut stream = stream_at(&gate, &upstream, &daemon).await;
    let mut restart = program(&binary("owlctl"));
    restart.env("OWLCODA_HOME", daemon.home()).arg("restart");
    let restart = restart.spawn().unwrap();
    until("the drain to begin", async || {
        (status(daemon.home()).await["state"] == "draining").then_some(())
    })
    .await;
    gate.open();
    assert!(streamed_text(&stream.rest().await.unwrap()).ends_with(" two"));
    let restarted = ended(restart).await;
    assert_eq!(restarted.status, Some(0), "{restarted:?}");

    let after = status(daemon.home()).await;
    let of = |status: &Value, name: &str| status["daemon"][name].clone();
    assert_eq!(of(&after, "pid"), of(&before, "pid"));
    assert_ne!(of(&after, "started_at"), of(&before, "started_at"));
    assert_eq!(after["daemon"]["config"]["pending_restart"], json!([]));
    let url = format!("{}/health", of(&after, "http_url").as_str().unwrap());
    assert_eq!(http::get(&url).await.status, 200);
}

#[tokio::test]
async fn a_restart_gives_what_runs_the_grace_that_it_is_told() {
    let upstream = FakeUpstream::start().await;
    // The configuration would have it wait for an hour.
    let daemon = patient_before(&upstream).await;
    let mut stream = stream_at(&Gate::new(), &upstream, &daemon).await;
    let before = status(daemon.home()).await;
    let restarted = owlctl(&daemon, &["restart", "--grace", "1", "--json"]).await;
    assert_eq!(restarted.status, Some(3), "{restarted:?}");
    assert_eq!(restarted.json()["was_cut"], true, "{restarted:?}");
    let text = String::from_utf8(stream.rest().await.unwrap()).unwrap();
    assert!(text.contains("event: error"), "{text}");
    let after = status(daemon.home()).await;
    let of = |status: &Value, name: &str| status["daemon"][name].clone();
    assert_eq!(of(&after, "pid"), of(&before, "pid"));
    assert_ne!(of(&after, "started_at"), of(&before, "started_at"));
    assert_eq!(after["state"], "running");

    // And as long as it takes, where the configuration would cut it at once.
    let hasty = json!({"server": {"drainTimeoutMs": 0}});
    let daemon = start(with(config(&upstream), hasty)).await;
    let gate = Gate::new();
    let mut stream = stream_at(&gate, &upstream, &daemon).await;
    let mut restart = program(&binary("owlctl"));
    restart
        .env("OWLCODA_HOME", daemon.home())
        .args(["restart", "--grace", "3600"]);
    let restart = restart.spawn().unwrap();
    until("the drain to begin", async || {
        (status(daemon.home()).await["state"] == "draining").then_some(())
    })
    .await;
    gate.open();
    assert!(streamed_text(&stream.rest().await.unwrap()).ends_with(" two"));
    let restarted = ended(restart).await;
    assert_eq!(restarted.status, Some(0), "{restarted:?}");
    assert!(restarted.stdout.contains(" serves "), "{restarted:?}");
}

#[tokio::test]
async fn a_signal_is_the_end_even_where_a_restart_was_asked_for() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = patient_before(&upstream).await;
    let _stream = stream_at(&Gate::new(), &upstream, &daemon).await;
    let mut restart = program(&binary("owlctl"));
    restart.env("OWLCODA_HOME", daemon.home()).arg("restart");
    let restart = restart.spawn().unwrap();
    until("the drain to begin", async || {
        (status(daemon.home()).await["state"] == "draining").then_some(())
    })
    .await;
    signal(daemon.pid(), Signal::TERM);
    assert_eq!(daemon.wait_exit().await.code(), Some(143));
    let restarted = ended(restart).await;
    assert_eq!(restarted.status, Some(1), "{restarted:?}");
    assert!(
        restarted.stderr.contains("did not come back"),
        "{restarted:?}"
    );
}

#[tokio::test]
async fn what_is_waited_for_is_seen_when_it_comes_and_missed_when_it_does_not() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = patient_before(&upstream).await;
    for (what, said) in [("ready", "ready\n"), ("idle", "idle\n")] {
        let waited = owlctl(&daemon, &["wait", what]).await;
        assert_eq!((waited.status, waited.stdout.as_str()), (Some(0), said));
    }
    let stream = stream_at(&Gate::new(), &upstream, &daemon).await;
    let busy = owlctl(&daemon, &["wait", "idle", "--timeout", "1"]).await;
    assert_eq!(busy.status, Some(124), "{busy:?}");
    drop(stream);

    let waiting = |what: &str| {
        let mut wait = program(&binary("owlctl"));
        wait.env("OWLCODA_HOME", daemon.home()).args(["wait", what]);
        wait.spawn().unwrap()
    };
    let (generation, stopped) = (waiting("config-generation=2"), waiting("stopped"));
    daemon.write_config(with(
        config(&upstream),
        json!({"port": 0, "logLevel": "debug"}),
    ));
    assert_eq!(owlctl(&daemon, &["reload"]).await.status, Some(0));
    assert_eq!(ended(generation).await.status, Some(0));
    daemon.terminate();
    assert_eq!(ended(stopped).await.status, Some(0));
    daemon.wait_exit().await;

    let mut ready = program(&binary("owlctl"));
    ready
        .env("OWLCODA_HOME", daemon.home())
        .args(["wait", "ready"]);
    let ready = ready.spawn().unwrap();
    daemon.restart().await;
    assert_eq!(ended(ready).await.status, Some(0));
}

#[tokio::test]
async fn a_daemon_in_its_terminal_says_its_lines_there() {
    let daemon = daemon().config(quiet()).start().await;
    until("a line", async || {
        daemon.stderr().contains("serving http://").then_some(())
    })
    .await;
    assert!(!daemon.home().join("log/owlcodad.log").exists());
}
