//! `owlcodad storage`: what a person and a script see of it.

use std::path::Path;

use owlcoda_store::{AuditDialect, AuditRecord, AuditRoute, Store, StoreOptions};
use owlcoda_testkit::{FakeUpstream, Script, http};
use owlcoda_types::{RequestId, Usage};
use serde_json::{Value, json};

use crate::process::{Ended, owlcodad, owlctl_at, program, run};
use crate::world::{MODEL, Route, nothing, start, start_before, until, with};

async fn storage(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(&owlcodad());
    command
        .arg("storage")
        .args(arguments)
        .arg("--home")
        .arg(home);
    run(command).await
}

#[tokio::test]
async fn calls_are_verified_exported_and_restored_once_the_daemon_is_gone() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = start_before(&upstream).await;
    for _ in 0..3 {
        upstream.script(Script::reply("ok"));
        let url = Route::Chat.url(&daemon);
        let response = http::post(&url, Route::Chat.ask(MODEL).to_string()).await;
        assert_eq!(response.status, 200);
    }
    let home = daemon.home().to_path_buf();
    let busy = storage(&home, &["verify"]).await;
    assert_eq!(busy.status, Some(75), "{busy:?}");
    assert!(
        busy.stderr.contains("is open in another process"),
        "{busy:?}"
    );
    for (arguments, n_records) in [
        (["--status", "2xx", "--since", "2020-01-01"], 3),
        (["--status", "5xx", "--since", "2020-01-01"], 0),
        (["--status", "2xx", "--until", "2020-01-01"], 0),
        (["--model", MODEL, "--limit", "2"], 2),
        (["--endpoint", "nowhere", "--limit", "2"], 0),
    ] {
        let arguments = [["--json", "audit"].as_slice(), &arguments].concat();
        until("the records", async || {
            let found = owlctl_at(&home, &arguments).await;
            let records = found.json()["records"].as_array().map(Vec::len);
            (records == Some(n_records)).then_some(())
        })
        .await;
    }
    let refused = owlctl_at(&home, &["audit", "--session", "nonsense"]).await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    daemon.terminate();
    daemon.wait_exit().await;

    let whole = storage(&home, &["verify", "--json"]).await;
    assert_eq!(whole.status, Some(0), "{whole:?}");
    assert_eq!(whole.json()["n_audit_records"], 3);
    assert_eq!(whole.json()["problems"], json!([]));

    let archive = home.join("backup.zst");
    let archive = archive.to_str().unwrap();
    let exported = storage(&home, &["export", archive, "--json"]).await;
    assert_eq!(exported.status, Some(0), "{exported:?}");
    let again = storage(&home, &["export", archive]).await;
    assert_eq!(
        again.status,
        Some(1),
        "an archive is never written over: {again:?}"
    );

    let other = tempfile::tempdir().unwrap();
    let imported = storage(other.path(), &["import", archive]).await;
    assert_eq!(imported.status, Some(0), "{imported:?}");
    let again = storage(other.path(), &["import", archive]).await;
    assert_eq!(again.status, Some(1), "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");

    let restored = storage(&home, &["restore", archive, "--json"]).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    assert_eq!(restored.json()["now"]["n_audit_records"], 3);
    let kept = restored.json()["kept"].as_str().unwrap().to_owned();
    assert!(Path::new(&kept).join("audit/000001/db").exists(), "{kept}");
}

#[tokio::test]
async fn damage_is_status_1_and_a_newer_store_78() {
    let home = tempfile::tempdir().unwrap();
    let none = storage(home.path(), &["verify"]).await;
    assert_eq!(
        (none.status, none.stdout.as_str()),
        (Some(0), "there is no store yet\n")
    );

    let mended = storage(home.path(), &["repair"]).await;
    assert_eq!(mended.status, Some(0), "{mended:?}");
    let store = home.path().join("store");
    fs_err::remove_dir_all(store.join("audit/000001")).unwrap();
    let damaged = storage(home.path(), &["verify"]).await;
    assert_eq!(damaged.status, Some(1), "{damaged:?}");
    assert!(
        damaged
            .stdout
            .contains("problem: audit segment 1 cannot be opened"),
        "{damaged:?}"
    );

    // The CRC-32C of the line before it.
    let newer = "{\"schema\":99,\"count\":0,\"last_seq\":0,\"commit\":0}\n9fd610f6\n";
    fs_err::write(store.join("audit.head"), newer).unwrap();
    let refused = storage(home.path(), &["verify"]).await;
    assert_eq!(refused.status, Some(78), "{refused:?}");
    assert!(
        refused.stderr.contains("run the version that wrote it"),
        "{refused:?}"
    );
}

/// A record of the time `at_ms`.
fn record(at_ms: i64) -> AuditRecord {
    AuditRecord {
        oldest_open_ms: None,
        request_id: RequestId::generate(),
        at_ms,
        route: AuditRoute::Chat,
        client: None,
        dialect: AuditDialect::Openai,
        dialect_out: None,
        model_asked: "m".to_owned(),
        model_used: None,
        endpoint: None,
        n_attempts: 0,
        status: 404,
        outcome: "not_found".to_owned(),
        failure_kind: None,
        is_stream: false,
        usage: Usage::default(),
        ttft_ms: None,
        elapsed_ms: 1,
        session_id: None,
        dropped_fields: Vec::new(),
        is_cached: false,
        cost_micros: None,
        bytes_in: None,
        bytes_out: None,
    }
}

/// Fills the store of a home with the records of many years ago, in segments as small as they get.
async fn fill(home: &Path) -> u64 {
    let options = StoreOptions {
        segment_bytes: 1,
        ..StoreOptions::default()
    };
    let store = Store::open(&home.join("store"), options).unwrap();
    for round in 0..4 {
        for _ in 0..100 {
            store.audit().append(record(1_000_000_000_000 + round));
        }
        store.audit().flush().await.unwrap();
    }
    let n_records = store.stats().n_audit_records;
    assert!(store.stats().n_segments > 1, "{:?}", store.stats());
    store.close().await;
    n_records
}

#[tokio::test]
async fn old_records_go_by_age_and_by_size_where_that_is_asked_for() {
    let keep = json!({});
    let by_age = json!({"audit": {"retentionDays": 365}});
    let by_size = json!({"audit": {"maxBytes": 1}});
    for (retention, is_kept) in [(keep, true), (by_age, false), (by_size, false)] {
        let mut daemon = start(nothing()).await;
        daemon.terminate();
        daemon.wait_exit().await;
        let n_before = fill(daemon.home()).await;
        daemon.write_config(with(nothing(), retention.clone()));
        daemon.restart().await;
        let count = async || {
            let page: Value = owlctl_at(daemon.home(), &["status", "--json"]).await.json();
            page["daemon"]["storage"]["n_audit_records"]
                .as_u64()
                .unwrap()
        };
        if is_kept {
            assert_eq!(count().await, n_before);
            continue;
        }
        until("old records to go", async || {
            (count().await < n_before).then_some(())
        })
        .await;
    }
}
