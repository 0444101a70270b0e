//! `owlctl audit show|follow|stats|export|verify` before a daemon that serves, ends and is damaged.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};
use tokio::process::Child;

use super::{n_records, records};
use crate::process::{owlctl, owlctl_at, program, said};
use crate::world::{MODEL, Route, start_before, until};

async fn ask(daemon: &TestDaemon, model: &str) -> String {
    let body = Route::Chat.ask(model).to_string();
    let answer = http::post(&Route::Chat.url(daemon), body).await;
    answer.header("request-id").unwrap().to_owned()
}

fn follow(daemon: &TestDaemon, arguments: &[&str]) -> Child {
    let mut command = program(&owlcoda_testkit::binary("owlctl"));
    command
        .env("OWLCODA_HOME", daemon.home())
        .args(["--json", "audit", "follow"])
        .args(arguments);
    command.spawn().unwrap()
}

/// The ids in the lines that `child` prints, up to the one with `id`.
async fn ids_until(child: &mut Child, id: &str) -> Vec<String> {
    let text = said(child, &format!("{id}\"")).await;
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .map(|line| line["request_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_follower_sees_every_call_once_over_restarts_and_kills() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start_before(&upstream).await;
    let old = ask(&daemon, MODEL).await;
    n_records(&daemon, 1, &[]).await;
    let mut from_now = follow(&daemon, &[]);
    let mut from_begin = follow(&daemon, &["--after", "0", "--status", "2xx"]);
    assert_eq!(
        ids_until(&mut from_begin, &old).await,
        std::slice::from_ref(&old)
    );
    until("both to listen", async || {
        let metrics = http::get(&format!("{}/metrics", daemon.url())).await.text();
        let mut reads = metrics
            .lines()
            .filter(|line| line.contains("\"Audit/Read\""));
        reads.any(|line| line.ends_with(" 2")).then_some(())
    })
    .await;
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for is_killed in [false, true] {
        all.push(ask(&daemon, MODEL).await);
        let last = all.last().unwrap().clone();
        seen.extend(ids_until(&mut from_now, &last).await);
        if is_killed {
            daemon.kill9().await;
        }
        daemon.restart().await;
    }
    all.push(ask(&daemon, MODEL).await);
    let last = all.last().unwrap().clone();
    seen.extend(ids_until(&mut from_now, &last).await);
    assert_eq!(seen, all);
    assert_eq!(ids_until(&mut from_begin, &last).await, all);
}

#[tokio::test]
async fn without_a_daemon_a_follower_ends_at_once() {
    let home = tempfile::tempdir().unwrap();
    let ended = owlctl_at(home.path(), &["audit", "follow"]).await;
    assert_eq!(ended.status, Some(69), "{ended:?}");
}

#[tokio::test]
async fn one_call_is_shown_by_number_and_by_id_and_all_are_counted_and_exported() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        upstream.script(if n == 3 {
            Script::error(500, "no")
        } else {
            Script::reply("ok")
        });
        ids.push(ask(&daemon, MODEL).await);
    }
    ids.push(ask(&daemon, "=cmd|' /C calc'!A0, \"x\"\n").await);
    n_records(&daemon, 5, &[]).await;

    for (call, at) in [("2", 1), (&*ids[3], 3)] {
        let shown = owlctl(&daemon, &["--json", "audit", "show", call])
            .await
            .json();
        assert_eq!(shown["request_id"], *ids[at], "{shown}");
        let text = owlctl(&daemon, &["audit", "show", call]).await;
        assert!(text.stdout.contains(&ids[at]), "{text:?}");
    }
    for call in ["99", "req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f", "nonsense"] {
        let none = owlctl(&daemon, &["audit", "show", call]).await;
        assert_eq!(none.status, Some(1), "{none:?}");
    }

    let stats = owlctl(&daemon, &["--json", "audit", "stats"]).await.json();
    assert_eq!(
        (&stats["all"]["n_calls"], &stats["all"]["n_failed"]),
        (&json!(5), &json!(2))
    );
    let counted = |by: &str| {
        let groups = stats[by].as_array().unwrap().iter();
        groups
            .map(|group| (group["name"].clone(), group["n_calls"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        counted("by_model"),
        [(json!(MODEL), json!(4)), (Value::Null, json!(1))]
    );
    assert_eq!(
        counted("by_status"),
        [
            (json!("2xx"), json!(3)),
            (json!("4xx"), json!(1)),
            (json!("5xx"), json!(1))
        ]
    );
    let failed = owlctl(&daemon, &["--json", "audit", "stats", "--errors"])
        .await
        .json();
    assert_eq!(failed["all"]["n_calls"], 2);

    let exported = owlctl(&daemon, &["audit", "export"]).await;
    let lines: Vec<Value> = exported
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (manifest, calls) = lines.split_last().unwrap();
    assert_eq!(calls, records(&daemon, &["--oldest-first"]).await);
    let manifest = &manifest["manifest"];
    assert_eq!(
        (
            &manifest["n_records"],
            &manifest["first_seq"],
            &manifest["last_seq"]
        ),
        (&json!(5), &json!(1), &json!(5))
    );
    let csv = daemon.home().join("calls.csv");
    let arguments = [
        "audit",
        "export",
        "--format",
        "csv",
        "--out",
        csv.to_str().unwrap(),
    ];
    let exported = owlctl(&daemon, &arguments).await;
    assert_eq!(exported.status, Some(0), "{exported:?}");
    let text = fs_err::read_to_string(&csv).unwrap();
    assert_eq!(text.lines().count(), 1 + 5 + 1, "{text}");
    assert!(
        text.contains("\"'=cmd|' /C calc'!A0, \"\"x\"\" \""),
        "{text}"
    );
    let again = owlctl(&daemon, &arguments).await;
    assert_eq!(again.status, Some(1), "{again:?}");
    assert_eq!(fs_err::read_to_string(&csv).unwrap(), text);
}

#[tokio::test]
async fn what_is_lost_is_found_while_the_daemon_serves() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start_before(&upstream).await;
    for _ in 0..3 {
        ask(&daemon, MODEL).await;
    }
    n_records(&daemon, 3, &[]).await;
    let whole = owlctl(&daemon, &["--json", "audit", "verify"]).await;
    assert_eq!(whole.status, Some(0), "{whole:?}");
    assert_eq!(
        (&whole.json()["n_records"], &whole.json()["is_whole"]),
        (&json!(3), &json!(true))
    );

    daemon.terminate();
    daemon.wait_exit().await;
    fs_err::remove_dir_all(daemon.home().join("store/audit/000001")).unwrap();
    daemon.restart().await;
    ask(&daemon, MODEL).await;
    n_records(&daemon, 1, &[]).await;
    let damaged = owlctl(&daemon, &["--json", "audit", "verify"]).await;
    assert_eq!(damaged.status, Some(1), "{damaged:?}");
    let found = damaged.json();
    assert_eq!(
        (&found["first_bad_seq"], &found["n_missing"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(found["n_records"], 1);
    let exported = owlctl(&daemon, &["audit", "export"]).await;
    assert_eq!(exported.status, Some(3), "{exported:?}");
    assert!(
        exported.stderr.contains("3 records could not be read"),
        "{exported:?}"
    );

    // An anchor that is not what it was.
    fs_err::write(daemon.home().join("store/audit/000002.head"), "nonsense").unwrap();
    let damaged = owlctl(&daemon, &["audit", "verify"]).await;
    assert_eq!(damaged.status, Some(1), "{damaged:?}");
}
