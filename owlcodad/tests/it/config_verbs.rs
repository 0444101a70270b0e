//! `owlctl config get`, `diff`, `status` and `rollback` with a daemon that runs.

use owlcoda_testkit::{FakeUpstream, TestDaemon};
use serde_json::{Value, json};

use crate::process::{Ended, owlctl};
use crate::world::{config, daemon, nothing, start, until, with};

/// A key that must be in no answer.
const CANARY: &str = "sk-owl-canary-9";

async fn on(daemon: &TestDaemon, arguments: &[&str]) -> Ended {
    let ended = owlctl(daemon, &[&["config"], arguments].concat()).await;
    assert!(!format!("{ended:?}").contains(CANARY), "{ended:?}");
    ended
}

/// The value of a key as a script reads it.
async fn get(daemon: &TestDaemon, key: &str) -> String {
    let ended = on(daemon, &["get", key]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.stdout.trim_end().to_owned()
}

/// Writes `config` and has it read.
async fn reload(daemon: &TestDaemon, config: Value) -> Ended {
    daemon.write_config(config);
    let ended = owlctl(daemon, &["reload"]).await;
    assert!([Some(0), Some(3)].contains(&ended.status), "{ended:?}");
    ended
}

async fn status(daemon: &TestDaemon) -> Value {
    on(daemon, &["status", "--json"]).await.json()
}

#[tokio::test]
async fn get_tells_what_is_in_force_and_not_what_the_file_says() {
    let upstream = FakeUpstream::start().await;
    let mut first = with(config(&upstream), json!({"server": {"maxConnections": 77}}));
    first["models"][0]["apiKey"] = json!(CANARY);
    let daemon = daemon()
        .config(first.clone())
        .env("OWLCODA_LOG_LEVEL", "debug")
        .start()
        .await;
    assert_eq!(get(&daemon, "server.maxConnections").await, "77");
    assert_eq!(get(&daemon, "logLevel").await, "debug");
    assert_eq!(get(&daemon, "models[small].endpoint").await, upstream.url());
    assert_eq!(get(&daemon, "models[0].apiKey").await, "***");
    let all = on(&daemon, &["get", "--json"]).await.json();
    let sources = all["settings"].as_array().unwrap().iter();
    let of = |path: &str| sources.clone().find(|it| it["path"] == path).unwrap();
    assert_eq!(of("logLevel")["source"]["variable"], "OWLCODA_LOG_LEVEL");
    assert_eq!(of("server.maxConnections")["source"]["kind"], "file");
    assert_eq!(
        (&all["kind"], &all["generation"]),
        (&json!("ConfigValues"), &json!(1))
    );

    // A value that waits for a restart is not in force; one that does not wait is.
    let mut second = with(
        first,
        json!({"server": {"maxConnections": 78, "pingIntervalMs": 1234}}),
    );
    second["models"][0]["label"] = json!("Little");
    reload(&daemon, second).await;
    assert_eq!(get(&daemon, "server.maxConnections").await, "77");
    assert_eq!(get(&daemon, "server.pingIntervalMs").await, "1234");
    assert_eq!(get(&daemon, "models[\"small\"].label").await, "Little");

    let unset = on(&daemon, &["get", "logFilePath"]).await;
    assert_eq!((unset.status, unset.stdout.as_str()), (Some(1), ""));
    let unknown = on(&daemon, &["get", "server.maxConections"]).await;
    assert_eq!(unknown.status, Some(1), "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains("did you mean `server.maxConnections`?"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn diff_holds_the_files_against_what_is_in_force_and_shows_no_key() {
    let upstream = FakeUpstream::start().await;
    let with_key = |key: &str, ping: u64, port: u16| {
        let mut config = with(
            config(&upstream),
            json!({"port": port, "server": {"pingIntervalMs": ping}}),
        );
        config["models"][0]["apiKey"] = json!(key);
        config
    };
    let daemon = start(with_key(CANARY, 5000, 0)).await;
    let alike = on(&daemon, &["diff"]).await;
    assert_eq!(
        (alike.status, alike.stdout.as_str()),
        (Some(0), ""),
        "{alike:?}"
    );

    // Beside its home, so that nobody reads it before we look.
    let other = format!("{CANARY}-too");
    let mut next = with_key(&other, 6000, 4321);
    next["middleware"] = json!({
        "rateLimitRpm": 0, "retryMaxAttempts": 0, "fallbackEnabled": false,
        "circuitBreakerThreshold": 100,
    });
    reload(&daemon, next).await;
    // Only what waits is left.
    let ended = on(&daemon, &["diff", "--json"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let document = ended.json();
    let expected = json!([{
        "path": "port", "in_force": 0, "on_disk": 4321, "is_hidden": false, "needs_restart": true,
    }]);
    assert_eq!(document["changes"], expected, "{document:#}");

    // What was given up is all that the file says otherwise.
    assert_eq!(on(&daemon, &["rollback"]).await.status, Some(0));
    let ended = on(&daemon, &["diff"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    for line in [
        "- server.pingIntervalMs = 5000\n",
        "+ server.pingIntervalMs = 6000\n",
        "+ port = 4321  (after a restart)\n",
        "~ models[\"small\"].apiKey: changed\n",
    ] {
        assert!(ended.stdout.contains(line), "{line}: {ended:?}");
    }

    fs_err::write(daemon.home().join("config.json"), "{\n  \"prot\": 1\n}").unwrap();
    let invalid = on(&daemon, &["diff"]).await;
    assert_eq!((invalid.status, invalid.stdout.as_str()), (Some(78), ""));
    assert!(
        invalid.stderr.contains("config.json:2:3: error: prot: "),
        "{invalid:?}"
    );
}

#[tokio::test]
async fn status_tells_generation_files_and_the_place_of_what_was_rejected() {
    let daemon = start(nothing()).await;
    let first = status(&daemon).await;
    assert_eq!(
        (&first["kind"], &first["generation"]),
        (&json!("ConfigStatus"), &json!(1))
    );
    let file = daemon.home().join("config.json").display().to_string();
    assert_eq!(first["sources"], json!([file]));
    assert_eq!(first["previous_generation"], Value::Null);
    until("the watch", async || {
        (status(&daemon).await["watch_mode"] == "events").then_some(())
    })
    .await;

    reload(
        &daemon,
        with(nothing(), json!({"host": "::1", "logLevel": "warn"})),
    )
    .await;
    let second = status(&daemon).await;
    assert_eq!(
        (&second["generation"], &second["previous_generation"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(second["pending_restart"], json!(["host"]));
    assert_ne!(second["sha256"], first["sha256"]);

    fs_err::write(&file, "{\n  \"port\": 0, \"prot\": 1\n}").unwrap();
    assert_eq!(owlctl(&daemon, &["reload"]).await.status, Some(78));
    let text = on(&daemon, &["status"]).await;
    assert_eq!(text.status, Some(0));
    for words in [
        "Generation    2, in force since ",
        "for a restart: host",
        "Rejected ",
        &format!("{file}:2:14: error: prot: "),
    ] {
        assert!(text.stdout.contains(words), "{words}: {text:?}");
    }
    let problem = &status(&daemon).await["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&json!(2), &json!(14))
    );
}

#[tokio::test]
async fn rollback_goes_back_to_the_generation_before_and_a_reload_forward_again() {
    let daemon = start(with(nothing(), json!({"server": {"pingIntervalMs": 1000}}))).await;
    let refused = on(&daemon, &["rollback"]).await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("no generation before this one (1)"),
        "{refused:?}"
    );

    let ping = |millis: u64| with(nothing(), json!({"server": {"pingIntervalMs": millis}}));
    reload(&daemon, ping(2000)).await;
    let back = on(&daemon, &["rollback"]).await;
    assert_eq!(back.status, Some(0), "{back:?}");
    for words in [
        "generation 3 is in force, with the values of generation 1",
        "config.json stays as it is, and still says what generation 2 said",
        "`owlctl reload`",
    ] {
        assert!(back.stdout.contains(words), "{words}: {back:?}");
    }
    assert_eq!(get(&daemon, "server.pingIntervalMs").await, "1000");
    let now = status(&daemon).await;
    assert_eq!(now["rolled_back_from"], 2, "{now:#}");
    assert!(
        daemon.stderr().contains("rolled back"),
        "{}",
        daemon.stderr()
    );
    let health = owlctl(&daemon, &["health"]).await;
    assert!(
        health.stdout.contains("rolled back from generation 2"),
        "{health:?}"
    );
    let doctor = owlctl(&daemon, &["doctor"]).await.stdout;
    assert!(doctor.contains("rolled back from generation 2"), "{doctor}");

    // The file was not touched, and is what holds once it is asked for.
    let again = owlctl(&daemon, &["reload"]).await;
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(again.stdout.contains("applied: generation 4"), "{again:?}");
    assert_eq!(get(&daemon, "server.pingIntervalMs").await, "2000");
    let now = status(&daemon).await;
    assert_eq!(now["rolled_back_from"], Value::Null, "{now:#}");

    // Back, and then a file that changes by itself.
    let back = on(&daemon, &["rollback", "--json"]).await.json();
    let generations = (&back["from_generation"], &back["to_generation"]);
    assert_eq!(generations, (&json!(4), &json!(3)), "{back:#}");
    assert_eq!(get(&daemon, "server.pingIntervalMs").await, "1000");
    daemon.write_config(ping(3000));
    until("the change of the file", async || {
        (get(&daemon, "server.pingIntervalMs").await == "3000").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rollback_keeps_what_waits_for_a_restart_and_a_file_that_was_rejected_in_mind() {
    let daemon = start(nothing()).await;
    reload(&daemon, with(nothing(), json!({"host": "::1"}))).await;
    fs_err::write(daemon.home().join("config.json"), "{").unwrap();
    assert_eq!(owlctl(&daemon, &["reload"]).await.status, Some(78));
    assert_eq!(on(&daemon, &["rollback"]).await.status, Some(0));
    let now = status(&daemon).await;
    assert_eq!(now["pending_restart"], json!([]), "{now:#}");
    assert_ne!(now["rejected_at"], Value::Null, "{now:#}");
    // And forth again, where the key waits.
    let forth = on(&daemon, &["rollback"]).await;
    assert_eq!(forth.status, Some(3), "{forth:?}");
    assert!(forth.stdout.contains("after a restart: host"), "{forth:?}");
}

#[tokio::test]
async fn without_a_daemon_they_say_so() {
    let home = tempfile::tempdir().unwrap();
    for verb in ["get", "diff", "status", "rollback"] {
        let ended = crate::process::owlctl_at(home.path(), &["config", verb]).await;
        assert_eq!(ended.status, Some(69), "{verb}: {ended:?}");
    }
}
