//! How the files change, and what is made of bad ones.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{apply, models, reload, status, until_models, until_rejected};
use crate::process::{owlctl, signal};
use crate::world::{MODEL, Route, assert_lives, config, metric, nothing, start, until};

/// One model of this name.
fn one(upstream: &FakeUpstream, id: &str) -> Value {
    json!({"port": 0, "discovery": {"enabled": false},
        "models": [{"id": id, "endpoint": upstream.url(), "default": true}]})
}

async fn daemon_with(upstream: &FakeUpstream, id: &str) -> TestDaemon {
    start(one(upstream, id)).await
}

fn write(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// What monitoring is told of the last look at the files.
async fn is_reload_ok(daemon: &TestDaemon) -> bool {
    metric(daemon, "owlcoda_config_last_reload_successful").await > 0.5
}

#[tokio::test]
async fn a_change_is_noticed_however_the_file_is_written() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon_with(&upstream, "one").await;
    let pid = daemon.pid();
    let file = daemon.home().join("config.json");
    write(&file, &one(&upstream, "in-place").to_string());
    until_models(&daemon, &["in-place"]).await;
    daemon.write_config(one(&upstream, "renamed"));
    until_models(&daemon, &["renamed"]).await;
    // As vim does where it keeps no backup.
    fs_err::remove_file(&file).unwrap();
    write(&file, &one(&upstream, "anew").to_string());
    until_models(&daemon, &["anew"]).await;
    // The file is emptied first and comes in two pieces.
    let text = one(&upstream, "in-pieces").to_string();
    let (head, _) = text.split_at(text.len() / 2);
    write(&file, "");
    write(&file, head);
    write(&file, &text);
    until_models(&daemon, &["in-pieces"]).await;
    assert_lives(&daemon, pid).await;
}

#[tokio::test]
async fn a_link_on_the_way_to_the_file_may_be_swapped_again_and_again() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon_with(&upstream, "one").await;
    let home = daemon.home();
    let swap = |round: usize| {
        let data = home.join(format!("..{round}"));
        fs_err::create_dir(&data).unwrap();
        let text = one(&upstream, &format!("round-{round}")).to_string();
        write(&data.join("config.json"), &text);
        symlink(format!("..{round}"), home.join("..data_tmp")).unwrap();
        fs_err::rename(home.join("..data_tmp"), home.join("..data")).unwrap();
    };
    swap(0);
    symlink("..data/config.json", home.join("link")).unwrap();
    fs_err::rename(home.join("link"), home.join("config.json")).unwrap();
    until_models(&daemon, &["round-0"]).await;
    for round in 1..8 {
        swap(round);
        until_models(&daemon, &[&format!("round-{round}")]).await;
    }
}

#[tokio::test]
async fn a_file_and_keys_that_come_later_are_noticed() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon_with(&upstream, "one").await;
    let file = daemon.home().join("config.json");
    fs_err::remove_file(&file).unwrap();
    assert_eq!(until_rejected(&daemon).await, "FILE_NOT_FOUND");
    daemon.write_config(one(&upstream, "back"));
    until_models(&daemon, &["back"]).await;
    upstream.always(Script::reply("ok"));
    let keys = json!({upstream.url(): "sk-late"}).to_string();
    write(&daemon.home().join("credentials.json"), &keys);
    let answer = reload(&daemon).await;
    assert_ne!(answer.outcome, "rejected", "{answer:?}");
    let asked = Route::Chat.ask("back").to_string();
    let answer = http::post(&Route::Chat.url(&daemon), asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let got = upstream.next_request().await;
    assert_eq!(got.header("authorization"), Some("Bearer sk-late"));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing_but_what_is_said_of_it() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start(config(&upstream)).await;
    let file = daemon.home().join("config.json");
    let good = fs_err::read_to_string(&file).unwrap();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let bad: [(&str, &str); 8] = [
        ("", "EMPTY_FILE"),
        ("{\"models\": [", "INVALID_JSON"),
        ("\u{feff}[]", "NOT_AN_OBJECT"),
        (r#"{"prot": 1}"#, "UNKNOWN_KEY"),
        (r#"{"port": "x"}"#, "WRONG_TYPE"),
        (r#"{"port": 1, "port": 2}"#, "DUPLICATE_KEY"),
        (
            r#"{"models": [{"id": "a", "aliases": ["x"]}, {"id": "b", "aliases": ["x"]}]}"#,
            "DUPLICATE_ALIAS",
        ),
        (&deep, "INVALID_JSON"),
    ];
    for (text, code) in bad {
        write(&file, text);
        let answer = reload(&daemon).await;
        let shown = owlcoda_proto::printable(text.get(..60).unwrap_or(text)).into_owned();
        assert_eq!(answer.outcome, "rejected", "{shown}");
        let config = answer.config.unwrap();
        assert_eq!(config.problems[0].code, code, "{shown}");
        assert_eq!(config.problems[0].file, file.display().to_string());
        assert_eq!(models(&daemon).await, [MODEL]);
        for route in Route::BOTH {
            let answer = http::post(&route.url(&daemon), route.ask(MODEL).to_string()).await;
            assert_eq!(answer.status, 200, "{shown}");
        }
        assert!(!is_reload_ok(&daemon).await);
    }
    // Not UTF-8, and too large.
    fs_err::write(&file, b"{\"logLevel\": \"\xff\"}").unwrap();
    assert_eq!(
        reload(&daemon).await.config.unwrap().problems[0].code,
        "NOT_UTF8"
    );
    write(&file, &format!("{{}}{}", " ".repeat(5 << 20)));
    assert_eq!(
        reload(&daemon).await.config.unwrap().problems[0].code,
        "FILE_TOO_LARGE"
    );

    let health = owlctl(&daemon, &["health"]).await;
    assert_eq!(health.status, Some(5), "{health:?}");
    assert!(health.stdout.contains("FILE_TOO_LARGE"), "{health:?}");
    let told = owlctl(&daemon, &["reload"]).await;
    assert_eq!(told.status, Some(78), "{told:?}");
    assert!(
        told.stdout
            .starts_with("rejected: generation 1 stays in force"),
        "{told:?}"
    );
    assert!(told.stderr.contains("[FILE_TOO_LARGE]"), "{told:?}");

    // What is in force comes back: nothing to apply, and nothing wrong any more.
    write(&file, &good);
    assert_eq!(reload(&daemon).await.outcome, "unchanged");
    assert!(is_reload_ok(&daemon).await);
    let now = status(&daemon).await;
    assert_eq!(now.problems, Vec::<String>::new());
    assert_eq!(now.config.unwrap().generation, 1);
    let rejected = r#"owlcoda_config_reloads_total{outcome="rejected"}"#;
    assert!(metric(&daemon, rejected).await >= 10.0);
}

#[tokio::test]
async fn a_bad_file_that_nobody_asks_about_is_reported_all_the_same() {
    let upstream = FakeUpstream::start().await;
    let daemon = start(config(&upstream)).await;
    fs_err::write(daemon.home().join("config.json"), "{").unwrap();
    assert_eq!(until_rejected(&daemon).await, "INVALID_JSON");
    let problems = status(&daemon).await.problems;
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("cannot be used")),
        "{problems:?}"
    );
    until("the line in the log", async || {
        let said = daemon.stderr();
        said.contains("the one before it stays in force")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn keys_that_need_a_restart_are_named_and_the_others_hold_at_once() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon_with(&upstream, "one").await;
    let mut next = one(&upstream, "two");
    next["storage"] = json!({"cacheBytes": 100_000});
    daemon.write_config(next.clone());
    let told = owlctl(&daemon, &["--json", "reload"]).await;
    assert_eq!(told.status, Some(3), "{told:?}");
    let waiting = &told.json()["config"]["pending_restart"];
    assert_eq!(waiting, &json!(["storage.cacheBytes"]), "{told:?}");
    assert_eq!(models(&daemon).await, ["two"]);
    let problems = status(&daemon).await.problems;
    assert!(problems[0].contains("`storage.cacheBytes`"), "{problems:?}");

    let mut daemon = daemon;
    daemon.restart().await;
    let problems = status(&daemon).await.problems;
    assert_eq!(problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_hangup_reads_the_configuration_anew() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon_with(&upstream, "one").await;
    let pid = daemon.pid();
    // A process that has the file as its own makes no event.
    signal(pid, Signal::HUP);
    let unchanged = r#"owlcoda_config_reloads_total{outcome="unchanged"}"#;
    until("the reload", async || {
        (metric(&daemon, unchanged).await >= 1.0).then_some(())
    })
    .await;
    assert_lives(&daemon, pid).await;
}

#[tokio::test]
async fn a_daemon_without_a_file_takes_the_one_that_comes() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = start(nothing()).await;
    fs_err::remove_file(daemon.home().join("config.json")).unwrap();
    // Port 8019 may be taken on this machine.
    daemon.terminate();
    daemon.wait_exit().await;
    let daemon = crate::world::daemon()
        .config(nothing())
        .env("OWLCODA_PORT", "0")
        .start()
        .await;
    assert_eq!(models(&daemon).await, Vec::<String>::new());
    apply(&daemon, one(&upstream, "first")).await;
    assert_eq!(models(&daemon).await, ["first"]);
}
