//! `audit.jsonlPath`: the record of each call as a line of a file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{MODEL, Route, config, start, until, with};

/// The lines of a file that is not there yet are none.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn until_lines(path: &Path, n: usize) -> Vec<Value> {
    until("the lines", async || {
        Some(lines(path)).filter(|found| found.len() == n)
    })
    .await
}

async fn ask(daemon: &TestDaemon, model: &str) {
    http::post(&Route::Chat.url(daemon), Route::Chat.ask(model).to_string()).await;
}

#[tokio::test]
async fn each_record_is_a_line_of_json_whatever_becomes_of_the_file() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start(config(&upstream)).await;
    // From before somebody asked for lines.
    ask(&daemon, MODEL).await;
    let page = http::get(&format!("{}/v1/audit", daemon.url()))
        .await
        .json();
    assert_eq!(page["entries"].as_array().unwrap().len(), 1);
    let to = |path: &str| {
        let audit = json!({"audit": {"jsonlPath": path, "startRecords": true}});
        with(config(&upstream), audit)
    };
    daemon.write_config(to("lines/audit.jsonl"));
    let reloaded = owlctl(&daemon, &["reload"]).await;
    assert_eq!(reloaded.status, Some(0), "{reloaded:?}");

    // The directory is not there yet, and nothing is lost for that.
    ask(&daemon, "no\n\"such\": \u{9b}2J").await;
    let health = until("the trouble to be told", async || {
        Some(owlctl(&daemon, &["health"]).await).filter(|health| health.status == Some(5))
    })
    .await;
    assert!(
        health.stdout.contains("lines of JSON cannot be written"),
        "{health:?}"
    );
    let metrics = http::get(&format!("{}/metrics", daemon.url())).await.text();
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("owlcoda_audit_jsonl_errors_total "));
    assert!(counted.unwrap().parse::<u64>().unwrap() > 0, "{metrics}");
    let path = daemon.home().join("lines/audit.jsonl");
    fs_err::create_dir(path.parent().unwrap()).unwrap();
    let found = until_lines(&path, 1).await;
    let page = http::get(&format!("{}/v1/audit?limit=1", daemon.url()))
        .await
        .json();
    assert_eq!(found[0], page["entries"][0]);
    assert!(!fs_err::read_to_string(&path).unwrap().contains('\u{9b}'));
    let mode = fs_err::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    until("the trouble to be over", async || {
        (owlctl(&daemon, &["health", "-q"]).await.status == Some(0)).then_some(())
    })
    .await;

    // Somebody else rotates it.
    let rotated = daemon.home().join("lines/audit.1.jsonl");
    fs_err::rename(&path, &rotated).unwrap();
    ask(&daemon, MODEL).await;
    let second = until_lines(&path, 1).await;
    assert_eq!(lines(&rotated).len(), 1);

    // Neither a kill nor an end costs a line, or writes one twice.
    for is_killed in [true, false] {
        ask(&daemon, MODEL).await;
        if is_killed {
            let n_records = async || {
                let arguments = ["audit", "--json", "--status", "2xx"];
                owlctl(&daemon, &arguments).await.json()["records"]
                    .as_array()
                    .unwrap()
                    .len()
            };
            until("the record", async || {
                (n_records().await == 3).then_some(())
            })
            .await;
            daemon.kill9().await;
            daemon.restart().await;
        } else {
            daemon.restart().await;
        }
    }
    let found = until_lines(&path, 3).await;
    let seqs: Vec<_> = found
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    assert_eq!(found[0], second[0]);
    assert!(
        found.iter().all(|line| line["outcome"] == "ok"),
        "{found:?}"
    );
}
