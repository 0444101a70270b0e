//! What `doctor` learns from a daemon that runs, and what it says where none does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::Home;
use crate::process::{Ended, owlcodad, owlctl, program, run, signal};
use crate::world::{MODEL, Route, config, daemon, nothing, start, until, with};

/// The first check with this id.
fn check<'d>(document: &'d Value, id: &str) -> &'d Value {
    let mut checks = document["checks"].as_array().unwrap().iter();
    checks
        .find(|check| check["id"] == id)
        .unwrap_or_else(|| panic!("no {id}: {document:#}"))
}

/// Its state and what was seen.
fn seen<'d>(document: &'d Value, id: &str) -> (&'d str, &'d str) {
    let text = |key: &str| check(document, id)[key].as_str().unwrap();
    (text("state"), text("detail"))
}

fn assert_seen(document: &Value, id: &str, state: &str, words: &str) {
    let (found, detail) = seen(document, id);
    assert_eq!(found, state, "{id}: {detail}");
    assert!(detail.contains(words), "{id}: {detail}");
}

fn remedy<'d>(document: &'d Value, id: &str) -> &'d str {
    check(document, id)["remedy"].as_str().unwrap()
}

/// `owlcodad doctor --json` for a daemon, with these variables.
async fn doctor(daemon: &TestDaemon, variables: &[(&str, &str)]) -> Ended {
    let mut command = program(&owlcodad());
    command
        .env("OWLCODA_HOME", daemon.home())
        .envs(variables.iter().copied())
        .args(["doctor", "--json"]);
    run(command).await
}

#[tokio::test]
async fn without_a_daemon_the_list_says_what_was_not_looked_at_and_why() {
    let home = Home::with(&nothing().to_string());
    let document = home.json(&["doctor", "--json"]).await;
    assert_seen(&document, "live", "skip", "no daemon answers on");
    let ids = document["checks"].as_array().unwrap().iter();
    let live_only = ["readiness", "gateway", "backend", "in_force", "records"];
    let is_live = |check: &&Value| live_only.iter().any(|id| check["id"] == *id);
    assert_eq!(ids.filter(is_live).count(), 0, "{document:#}");
    let text = home.run(&["doctor"]).await.stdout;
    assert!(text.contains("not looked at, because no daemon"), "{text}");
}

#[tokio::test]
async fn what_the_daemon_tells_stands_in_the_same_list_in_every_form() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["vendor/small"]);
    upstream.always(Script::reply("ok"));
    let daemon = start(config(&upstream)).await;
    let body = Route::Chat.ask(MODEL).to_string();
    http::post(&Route::Chat.url(&daemon), body).await;
    let ended = owlctl(&daemon, &["doctor", "--json"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let document = ended.json();
    let pid = daemon.pid().to_string();
    for (id, words) in [
        ("live", pid.as_str()),
        ("version", "daemon, owlcodad and owlctl"),
        ("readiness", "serves 1 model"),
        ("gateway", daemon.url()),
        ("backend", "is up, 1 model"),
        ("in_force", "generation 1"),
        ("records", "no audit record and no log line"),
        ("storage", "audit records"),
        ("daemon_clock", "agree"),
    ] {
        assert_seen(&document, id, "ok", words);
    }
    if cfg!(target_os = "linux") {
        assert_seen(&document, "daemon_files", "ok", "open now, at most");
    }
    let numbers = document["checks"].as_array().unwrap().iter();
    let numbers = numbers.map(|check| check["number"].as_u64().unwrap());
    assert!(numbers.eq(1..=document["checks"].as_array().unwrap().len() as u64));
    assert_eq!(check(&document, "configuration")["number"], 1);

    let yaml = owlctl(&daemon, &["doctor", "-o", "yaml"]).await;
    assert_eq!(yaml.status, Some(0));
    assert!(yaml.stdout.contains("id: readiness\n"), "{yaml:?}");
    let text = owlctl(&daemon, &["doctor"]).await.stdout;
    let words = ["ok    configuration", "ok    gateway", "ok    daemon clock"];
    let at = words.map(|words| {
        text.find(words)
            .unwrap_or_else(|| panic!("{words}: {text}"))
    });
    assert!(at.is_sorted(), "{text}");
}

#[tokio::test]
async fn a_model_server_that_is_gone_is_down_and_its_breaker_open_in_the_daemon_s_own_view() {
    let upstream = FakeUpstream::start().await;
    let policy = json!({"middleware": {
        "rateLimitRpm": 0, "retryMaxAttempts": 0, "fallbackEnabled": false,
        "circuitBreakerThreshold": 1,
    }});
    let daemon = start(with(config(&upstream), policy)).await;
    upstream.stop().await;
    let body = Route::Chat.ask(MODEL).to_string();
    let status = http::post(&Route::Chat.url(&daemon), body).await.status;
    assert!(status >= 500, "{status}");
    let ended = owlctl(&daemon, &["doctor", "--json"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let document = ended.json();
    assert_seen(&document, "backend", "fail", "is down");
    assert_seen(
        &document,
        "backend",
        "fail",
        "`small` (1 failure in a row, again in",
    );
    assert!(remedy(&document, "backend").contains("owlctl backends probe "));
    assert_seen(&document, "readiness", "warn", "degraded: the last call of");
}

#[tokio::test]
async fn a_configuration_that_waits_or_was_rejected_is_told_with_its_way_out() {
    let daemon = start(nothing()).await;
    daemon.write_config(with(nothing(), json!({"server": {"maxConnections": 77}})));
    let reload = owlctl(&daemon, &["reload"]).await;
    assert_eq!(reload.status, Some(3), "{reload:?}");
    let document = doctor(&daemon, &[]).await.json();
    assert_seen(
        &document,
        "in_force",
        "warn",
        "generation 2, but for server.maxConnections",
    );
    assert_eq!(remedy(&document, "in_force"), "owlctl restart");

    let file = daemon.home().join("config.json");
    fs_err::write(&file, "{\n  \"prot\": 1\n}").unwrap();
    assert_eq!(owlctl(&daemon, &["reload"]).await.status, Some(78));
    let document = doctor(&daemon, &[]).await.json();
    let place = format!("{}:2:3: prot: ", file.display());
    assert_seen(&document, "in_force", "warn", &place);
    assert!(remedy(&document, "in_force").ends_with("owlctl reload"));
}

#[tokio::test]
async fn programs_of_different_versions_and_one_that_was_replaced_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("owlcodad");
    let install = |path: &Path| {
        fs_err::copy(owlcodad(), path).unwrap();
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    install(&copy);
    let daemon = daemon().bin(&copy).config(nothing()).start().await;
    let document = doctor(&daemon, &[]).await.json();
    assert_seen(&document, "version", "ok", "daemon and owlcodad");
    let next = dir.path().join("next");
    install(&next);
    fs_err::rename(&next, &copy).unwrap();
    let document = doctor(&daemon, &[("OWLCODA_OWLCTL_VERSION", "0.0.1")])
        .await
        .json();
    assert_seen(&document, "version", "warn", "owlctl is 0.0.1");
    assert!(remedy(&document, "version").starts_with("install owlctl and owlcodad"));
    if cfg!(target_os = "linux") {
        assert_seen(&document, "version", "warn", "was replaced since its start");
        assert!(remedy(&document, "version").ends_with("owlctl restart"));
    }
}

#[tokio::test]
async fn a_daemon_that_hangs_fails_the_list_and_does_not_hold_it_up() {
    let daemon = start(nothing()).await;
    signal(daemon.pid(), Signal::STOP);
    let ended = doctor(&daemon, &[]).await;
    signal(daemon.pid(), Signal::CONT);
    assert_eq!(ended.status, Some(1));
    let document = ended.json();
    assert_eq!(seen(&document, "live").0, "fail", "{document:#}");
    assert!(remedy(&document, "live").contains("owlctl restart"));
    until("the daemon to go on", async || {
        let status = owlctl(&daemon, &["health", "-q"]).await.status;
        (status == Some(5) || status == Some(0)).then_some(())
    })
    .await;
}
