//! Where log lines go, and how `owlctl logs` shows them.

use std::os::unix::fs::PermissionsExt as _;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::{ended, owlcodad, owlctl, program, said};
use crate::world::{MODEL, Route, config, daemon, metric, nothing, start, until, with};

async fn call(daemon: &TestDaemon) {
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(http::post(&Route::Chat.url(daemon), body).await.status, 200);
}

#[tokio::test]
async fn a_log_file_gets_every_line_and_is_set_aside_when_it_is_full() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let file = json!({
        "logLevel": "debug", "logFilePath": "log/all.log", "logFileMaxBytes": 1024, "logFileKeep": 2,
        "middleware": {"rateLimitRpm": 0},
    });
    let mut daemon = start(with(config(&upstream), file)).await;
    let path = daemon.home().join("log/all.log");
    let home = daemon.home().to_owned();
    let numbered = |n: u32| home.join(format!("log/all.log.{n}"));
    until("two files that were set aside", async || {
        call(&daemon).await;
        numbered(2).exists().then_some(())
    })
    .await;
    for _ in 0..20 {
        call(&daemon).await;
    }
    let dropped = metric(&daemon, "owlcoda_log_lines_dropped_total").await;
    assert!(dropped < 0.5, "{dropped}");
    // While it runs, the file may be on its way to another name.
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    assert!(!numbered(3).exists());
    let mode = fs_err::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs_err::read_to_string(numbered(1)).unwrap();
    assert!(text.len() <= 1024, "{}", text.len());
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_log_file_that_cannot_be_opened_is_told_with_the_key_to_change() {
    let config = with(nothing(), json!({"logFilePath": "/proc/no-such-place/log"}));
    let refused = daemon().config(config).try_start().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(refused.stderr.contains("logFilePath"), "{}", refused.stderr);
}

#[tokio::test]
async fn the_latest_lines_are_shown_by_time_and_level() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start(with(config(&upstream), json!({"logLevel": "debug"}))).await;
    call(&daemon).await;
    let all = until("the call", async || {
        let all = owlctl(&daemon, &["logs"]).await;
        all.stdout.contains("call ended").then_some(all)
    })
    .await;
    assert_eq!(all.status, Some(0));
    assert!(all.stdout.contains("  INFO   owlcodad"), "{}", all.stdout);
    assert!(all.stdout.contains("model.used=small"), "{}", all.stdout);
    let important = owlctl(&daemon, &["logs", "--level", "info"]).await;
    assert!(important.stdout.contains("serving"), "{}", important.stdout);
    assert!(
        !important.stdout.contains("call ended"),
        "{}",
        important.stdout
    );
    let as_json = owlctl(
        &daemon,
        &["logs", "--json", "--since", "1h", "--level", "debug"],
    )
    .await;
    let messages: Vec<Value> = as_json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(messages.iter().any(|line| line["message"] == "call ended"));
    let nothing = owlctl(&daemon, &["logs", "--since", "0s"]).await;
    assert_eq!((nothing.status, nothing.stdout.as_str()), (Some(0), ""));
    assert!(
        nothing.stderr.contains("no such lines"),
        "{}",
        nothing.stderr
    );
    assert_eq!(
        owlctl(&daemon, &["logs", "--since", "soon"]).await.status,
        Some(2)
    );
}

#[tokio::test]
async fn lines_are_told_as_yaml_one_document_each_also_while_they_come() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start(with(config(&upstream), json!({"logLevel": "debug"}))).await;
    let mut command = program(&owlcoda_testkit::binary("owlctl"));
    command.env("OWLCODA_HOME", daemon.home());
    command.args(["logs", "-f", "-o", "yaml"]);
    let mut looking = command.spawn().unwrap();
    let kept = said(&mut looking, "target: owlcodad::serve").await;
    assert!(kept.starts_with("---\ntimestamp: "), "{kept}");
    call(&daemon).await;
    let come = said(&mut looking, "message: call ended\n").await;
    let (_, of_call) = come.rsplit_once("---\n").unwrap();
    assert!(of_call.contains("level: DEBUG\n"), "{of_call}");

    // The same lines as those of JSON, each with its fields.
    let arguments = ["--level", "info"];
    let as_json = owlctl(&daemon, &[&["logs", "-o", "json"], &arguments[..]].concat()).await;
    let as_yaml = owlctl(&daemon, &[&["logs", "-o", "yaml"], &arguments[..]].concat()).await;
    assert_eq!((as_yaml.status, as_yaml.stderr.as_str()), (Some(0), ""));
    let documents: Vec<_> = as_yaml.stdout.split("---\n").skip(1).collect();
    let lines: Vec<Value> = as_json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty());
    assert_eq!(documents.len(), lines.len(), "{as_yaml:?}");
    for (document, line) in documents.iter().zip(&lines) {
        let names = line.as_object().unwrap().keys();
        let top: Vec<_> = document
            .lines()
            .filter(|line| !line.starts_with([' ', '-']))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim_matches('"'))
            .collect();
        assert!(names.eq(top), "{document} of {line}");
    }
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    let looked = ended(looking).await;
    assert_eq!(looked.status, Some(0), "{looked:?}");
    assert!(looked.stderr.contains("has ended its log"), "{looked:?}");
}

#[tokio::test]
async fn who_looks_on_sees_what_comes_and_is_let_go_when_the_daemon_ends() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start(with(config(&upstream), json!({"logLevel": "debug"}))).await;
    let mut command = program(&owlcoda_testkit::binary("owlctl"));
    command.env("OWLCODA_HOME", daemon.home());
    // The time limit is for answers, and this is none.
    command.args(["logs", "-f", "--timeout", "1"]);
    let mut looking = command.spawn().unwrap();
    said(&mut looking, "serving").await;
    call(&daemon).await;
    said(&mut looking, "call ended").await;
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    let looked = ended(looking).await;
    assert_eq!(looked.status, Some(0), "{looked:?}");
    assert!(looked.stderr.contains("has ended its log"), "{looked:?}");
}

#[tokio::test]
async fn lines_that_find_no_room_are_counted_and_hold_nobody_up() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.json");
    let quiet = json!({"port": 0, "logLevel": "debug", "discovery": {"enabled": false}});
    fs_err::write(&path, quiet.to_string()).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = program(&owlcodad());
    // Nobody reads its standard error, which is a pipe.
    command.args(["serve", "--home"]).arg(home.path());
    let mut child = command.spawn().unwrap();
    let line = said(&mut child, "control unix:").await;
    let (_, rest) = line.split_once("http://").unwrap();
    let authority = rest.split(' ').next().unwrap();
    // Each of these is one line: whoever asks means another host.
    let one = "GET /health HTTP/1.1\r\nhost: example.com\r\n\r\n";
    let last = "GET /health HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n";
    for _ in 0..80 {
        let mut connection = http::raw(authority, one.repeat(79) + last).await;
        let answers = connection.read_to_close().await.unwrap();
        let answers = String::from_utf8_lossy(&answers).into_owned();
        assert_eq!(answers.matches("HTTP/1.1 403").count(), 80, "{answers}");
    }
    let url = format!("http://{authority}/metrics");
    until("lost lines to be counted", async || {
        let text = http::get(&url).await.text();
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("owlcoda_log_lines_dropped_total "));
        (count.unwrap().parse::<f64>().unwrap() > 0.0).then_some(())
    })
    .await;
    child.kill().await.unwrap();
}
