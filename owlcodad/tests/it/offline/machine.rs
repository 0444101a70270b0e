//! `init`, `doctor`, `serve --dry-run`, and who holds a port.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::time::{Duration, Instant};

use owlcoda_testkit::{FakeUpstream, Script, http};
use serde_json::{Value, json};

use super::{Home, golden};
use crate::world::{MODEL, Route, config, daemon, nothing, start, with};

/// The state and the detail of the checks with this id.
fn checks<'d>(document: &'d Value, id: &str) -> Vec<(&'d str, &'d str)> {
    let checks = document["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["id"] == id)
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap();
            (text("state"), text("detail"))
        })
        .collect()
}

#[tokio::test]
async fn init_writes_what_the_servers_list_and_the_daemon_serves_it() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["nomic-embed-text", "qwen2.5-coder:7b", "llama-3.3-70b"]);
    upstream.always(Script::reply("ok"));
    let gone = FakeUpstream::start().await;
    let gone_url = gone.url();
    gone.stop().await;
    let home = Home::empty();
    let url = upstream.url();
    let arguments = ["init", "--endpoint", &url, "--endpoint", &gone_url];
    let ended = home.run(&arguments).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let names = [
        (home.path().to_str().unwrap(), "[HOME]"),
        (url.trim_end_matches("/v1"), "[URL]"),
        (gone_url.trim_end_matches("/v1"), "[GONE]"),
    ];
    golden("init", &ended.stdout, &names);
    golden("init_file", &home.read("config.json"), &names);
    let mode = fs_err::metadata(home.config()).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let again = [&arguments[..], &["--force", "--json"]].concat();
    golden("init_json", &home.run(&again).await.stdout, &names);

    let written: Value = serde_json::from_str(&home.read("config.json")).unwrap();
    let daemon = start(with(written, json!({"port": 0}))).await;
    let body = Route::Chat.ask("default").to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        200
    );
    let asked = upstream.next_request().await.json();
    assert_eq!(asked["model"], "qwen2.5-coder:7b");
}

#[tokio::test]
async fn init_leaves_a_file_as_it_is_unless_forced_and_keeps_it_then() {
    let upstream = FakeUpstream::start().await;
    let home = Home::with("{\"port\": 1}");
    fs_err::set_permissions(home.config(), PermissionsExt::from_mode(0o644)).unwrap();
    let url = upstream.url();
    let ended = home.run(&["init", "--endpoint", &url]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("--force"), "{ended:?}");
    assert_eq!(home.read("config.json"), "{\"port\": 1}");
    assert_eq!(upstream.n_connections(), 0, "nobody is asked in vain");
    let document = home
        .json(&["init", "--endpoint", &url, "--force", "--json"])
        .await;
    assert_eq!(document["is_written"], true);
    assert_eq!(document["endpoints"][0]["n_models"], 1);
    assert_eq!(document["models"][0]["default"], true);
    assert_eq!(home.read("config.json.bak-1"), "{\"port\": 1}");
    let mode = fs_err::metadata(home.config()).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o600, "whatever the one before had");
    assert_eq!(home.run(&["validate"]).await.status, Some(0));
}

#[tokio::test]
async fn init_writes_nothing_where_nobody_answers() {
    let gone = FakeUpstream::start().await;
    let url = gone.url();
    gone.stop().await;
    let home = Home::empty();
    let ended = home.run(&["init", "--endpoint", &url]).await;
    assert_eq!(ended.status, Some(1));
    assert!(ended.stdout.contains("nothing was written"), "{ended:?}");
    assert_eq!(home.names(), [""; 0]);
    let document = home.json(&["init", "--endpoint", &url, "--json"]).await;
    assert_eq!(document["is_written"], false);
    assert_eq!(document["endpoints"][0]["server"], Value::Null);
}

#[tokio::test]
async fn doctor_finds_all_well_where_it_is() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["vendor/small"]);
    let home = Home::with(&with(config(&upstream), json!({"port": 0})).to_string());
    let document = home.json(&["doctor", "--json"]).await;
    assert_eq!(document["kind"], "Doctor");
    assert_eq!(document["n_fail"], 0, "{document:#}");
    for id in ["configuration", "home", "daemon", "port", "model_server"] {
        assert_eq!(checks(&document, id)[0].0, "ok", "{id}: {document:#}");
    }
    assert_eq!(home.run(&["doctor"]).await.status, Some(0));
    // Numbers, fields and ids are a contract; what differs from machine to machine is not.
    let rows = document["checks"].as_array().unwrap().iter();
    let mut ids: Vec<_> = rows.map(|row| json!([row["number"], row["id"]])).collect();
    ids.sort_by_key(|row| row[0].as_u64());
    golden("doctor_ids", &serde_json::to_string(&ids).unwrap(), &[]);
    assert_eq!(
        home.names(),
        ["config.json"],
        "a look leaves nothing behind"
    );
}

#[tokio::test]
async fn doctor_tells_of_model_servers_what_each_lacks() {
    let (other, locked, odd) = (
        FakeUpstream::start().await,
        FakeUpstream::start().await,
        FakeUpstream::start().await,
    );
    other.models(&["something-else"]);
    locked.at("/v1/models", Script::error(401, "no"));
    odd.at("/v1/models", Script::new().json(&json!({"hello": 1})));
    let gone = FakeUpstream::start().await;
    let gone_url = gone.url();
    gone.stop().await;
    let model = |id: &str, url: &str| json!({"id": id, "endpoint": url, "default": id == "a"});
    let config = json!({"port": 0, "models": [
        model("a", &other.url()), model("b", &locked.url()), model("c", &odd.url()),
        model("d", &gone_url), {"id": "e", "runtime": "none"}],
        "runtimes": [{"name": "none", "command": "no-such-program", "args": ["{port}"]}]});
    let home = Home::with(&config.to_string());
    let document = home.json(&["doctor", "--json"]).await;
    let found = checks(&document, "model_server");
    let expected = [
        ("warn", "but not `a`"),
        ("fail", "wants a key"),
        ("warn", "not with a list"),
        ("fail", "does not answer"),
        ("fail", "no program `no-such-program`"),
    ];
    assert_eq!(found.len(), expected.len(), "{document:#}");
    for ((state, detail), (expected, words)) in found.into_iter().zip(expected) {
        assert_eq!(state, expected, "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.status, Some(1));
    for line in ended.stdout.lines() {
        let is_one_word = line.split_whitespace().count() <= 2;
        assert!(line.chars().count() <= 80 || is_one_word, "{line}");
    }
    let remedies = document["checks"].as_array().unwrap().iter();
    let silent = remedies.filter(|check| {
        ["warn", "fail"].contains(&check["state"].as_str().unwrap()) && check["remedy"].is_null()
    });
    assert_eq!(
        silent.count(),
        0,
        "whatever needs a look says what mends it"
    );
}

#[tokio::test]
async fn a_model_server_that_never_answers_does_not_hold_doctor_up() {
    let silent = FakeUpstream::start().await;
    silent.at("/v1/models", Script::stream().hang());
    let models: Vec<_> = (0..8)
        .map(|idx| {
            json!({"id": format!("m{idx}"), "apiKey": format!("k{idx}"),
                "endpoint": silent.url(), "default": idx == 0})
        })
        .collect();
    let home = Home::with(&json!({"port": 0, "models": models}).to_string());
    let began = Instant::now();
    let document = home.json(&["doctor", "--json"]).await;
    let found = checks(&document, "model_server");
    assert_eq!(found.len(), 8, "{document:#}");
    assert!(found.iter().all(|(state, _)| *state == "fail"));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn the_key_is_sent_to_its_own_server_and_a_wrong_one_is_told() {
    let upstream = FakeUpstream::start().await;
    upstream.at("/v1/models", Script::error(403, "no"));
    let mut config = with(config(&upstream), json!({"port": 0}));
    config["models"][0]["apiKey"] = json!("sk-wrong");
    let home = Home::with(&config.to_string());
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.status, Some(1));
    assert!(ended.stdout.contains("refuses the key"), "{ended:?}");
    assert!(!ended.stdout.contains("sk-wrong"), "{ended:?}");
    let got = upstream.requests();
    assert_eq!(got[0].header("authorization"), Some("Bearer sk-wrong"));
}

#[tokio::test]
async fn doctor_sees_modes_that_let_others_in_and_what_a_dead_daemon_left() {
    let mut running = start(nothing()).await;
    let home = running.home().to_path_buf();
    running.kill9().await;
    for (path, mode) in [("", 0o755), ("auth/token", 0o644)] {
        fs_err::set_permissions(home.join(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    let mut command = crate::process::program(&crate::process::owlcodad());
    command.args(["doctor", "--json", "--home"]).arg(&home);
    let document = crate::process::run(command).await.json();
    let expected = [
        ("home", "warn", "mode 0755"),
        ("daemon", "warn", "left"),
        ("token", "fail", "mode 0644"),
        ("model_server", "fail", "none is looked for"),
    ];
    for (id, state, words) in expected {
        let found = checks(&document, id);
        assert_eq!(found[0].0, state, "{id}: {found:?}");
        assert!(found[0].1.contains(words), "{id}: {found:?}");
    }
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_told_with_its_name_and_id() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = with(nothing(), json!({"port": port})).to_string();
    let us = format!("(pid {})", std::process::id());
    let refused = daemon().config_text(&text).try_start().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(75));
    let home = Home::with(&text);
    let document = home.json(&["doctor", "--json"]).await;
    let (state, detail) = checks(&document, "port")[0];
    assert_eq!(state, "fail");
    let dry = home.run(&["serve", "--dry-run"]).await;
    assert_eq!(dry.status, Some(1), "{dry:?}");
    for said in [refused.stderr.as_str(), detail, dry.stdout.as_str()] {
        let is_told = said.contains(&us) || !cfg!(target_os = "linux");
        assert!(is_told, "{said}");
        assert!(said.contains(&port.to_string()), "{said}");
    }
}

#[tokio::test]
async fn a_dry_run_goes_through_four_steps_and_starts_nothing() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["vendor/small"]);
    let home = Home::with(&with(config(&upstream), json!({"port": 0})).to_string());
    let document = home.json(&["serve", "--dry-run", "--json"]).await;
    assert_eq!(document["kind"], "DryRun");
    assert_eq!(document["is_ready"], true, "{document:#}");
    let steps = document["steps"].as_array().unwrap().iter();
    let names: Vec<_> = steps.map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["config", "validate", "ports", "doctor"]);
    let fields: Vec<_> = document.as_object().unwrap().keys().collect();
    golden("dry_run_fields", &format!("{fields:?}"), &[]);
    assert_eq!(home.run(&["serve", "--dry-run"]).await.status, Some(0));
    assert_eq!(home.names(), ["config.json"]);
    let bad = Home::with("{\"port\": true}");
    assert_eq!(bad.run(&["serve", "--dry-run"]).await.status, Some(78));
    let gone = json!({"port": 0, "models": [{"id": MODEL, "endpoint": "http://127.0.0.1:9"}]});
    let gone = Home::with(&gone.to_string());
    assert_eq!(gone.run(&["serve", "--dry-run"]).await.status, Some(1));
}

#[tokio::test]
async fn beside_a_running_daemon_doctor_and_dry_run_know_it() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["vendor/small"]);
    let running = start(config(&upstream)).await;
    let port: u16 = running.url().rsplit(':').next().unwrap().parse().unwrap();
    let pid = running.pid().to_string();
    // The file names the port that the daemon really has, as files usually do.
    running.write_config(with(config(&upstream), json!({"port": port})));
    let run = async |arguments: &[&str]| {
        let mut command = crate::process::program(&crate::process::owlcodad());
        command.env("OWLCODA_HOME", running.home()).args(arguments);
        crate::process::run(command).await
    };
    let document = run(&["doctor", "--json"]).await.json();
    let (state, detail) = checks(&document, "daemon")[0];
    assert!(state == "ok" && detail.contains(&pid), "{detail}");
    let (state, detail) = checks(&document, "port")[0];
    assert!(
        state == "ok" && detail.contains("the running daemon's"),
        "{detail}"
    );
    let ended = run(&["serve", "--dry-run"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("that runs"), "{ended:?}");
}
