//! `owlctl backup`: an archive of a daemon that goes on serving.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use owlcoda_testkit::{FakeUpstream, Script, binary, http};
use serde_json::Value;

use crate::process::{Ended, owlcodad, owlctl, program, repl, run};
use crate::world::{MODEL, Route, start_before};

async fn storage(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(&owlcodad());
    command
        .arg("storage")
        .args(arguments)
        .arg("--home")
        .arg(home);
    run(command).await
}

/// The lines of an archive but the last, and that.
fn lines(archive: &Path) -> (Vec<String>, Value) {
    let bytes = fs_err::read(archive).unwrap();
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let last: Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    (lines, last["line"]["manifest"].clone())
}

#[tokio::test]
async fn a_backup_of_a_daemon_that_serves_becomes_its_store_again() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::text_stream(&["ok"]));
    let mut daemon = start_before(&upstream).await;
    for text in ["hello", "and again"] {
        let said = run(repl(&daemon, &["--prompt", text])).await;
        assert_eq!(said.status, Some(0), "{said:?}");
    }
    let url = Route::Chat.url(&daemon);
    let calls = async {
        for _ in 0..60 {
            let body = Route::Chat.ask_stream(MODEL).to_string();
            assert_eq!(http::post(&url, body).await.status, 200);
        }
    };
    let archive = daemon.home().join("backup.zst");
    let out = archive.to_str().unwrap();
    let arguments = ["--json", "backup", "create", "--out", out];
    let (created, ()) = tokio::join!(owlctl(&daemon, &arguments), calls);
    assert_eq!(created.status, Some(0), "{created:?}");
    let mode = fs_err::metadata(&archive).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (kept, manifest) = lines(&archive);
    assert_eq!(created.json()["sha256"], manifest["sha256"]);
    assert_eq!(created.json()["n_events"], manifest["n_events"]);
    assert!(manifest["n_events"].as_u64().unwrap() > 4, "{manifest}");

    let again = owlctl(&daemon, &["backup", "create", "--out", out]).await;
    assert_eq!(again.status, Some(1), "{again:?}");
    assert!(again.stderr.contains("--force"), "{again:?}");
    let verified = owlctl(&daemon, &["backup", "verify", out]).await;
    assert_eq!(verified.status, Some(0), "{verified:?}");
    daemon.terminate();
    daemon.wait_exit().await;

    let restored = storage(daemon.home(), &["restore", out, "--json"]).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    assert_eq!(restored.json()["now"]["problems"], serde_json::json!([]));
    let exported = daemon.home().join("export.zst");
    let exported_to = storage(daemon.home(), &["export", exported.to_str().unwrap()]).await;
    assert_eq!(exported_to.status, Some(0), "{exported_to:?}");
    assert_eq!(lines(&exported), (kept, manifest));
    daemon.restart().await;
    let forced = owlctl(&daemon, &["backup", "create", "--out", out, "--force"]).await;
    assert_eq!(forced.status, Some(0), "{forced:?}");
}

#[tokio::test]
async fn an_archive_that_was_cut_or_changed_is_refused_and_a_killed_client_leaves_none() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let body = Route::Chat.ask(MODEL).to_string();
    http::post(&Route::Chat.url(&daemon), body).await;
    let archive = daemon.home().join("backup.zst");
    let out = archive.to_str().unwrap();
    let created = owlctl(&daemon, &["backup", "create", "--out", out]).await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let whole = fs_err::read(&archive).unwrap();
    let bad = daemon.home().join("bad.zst");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bytes in [
        &whole[..whole.len() - 1],
        &whole[..20],
        &flipped,
        b"",
        b"no archive",
    ] {
        fs_err::write(&bad, bytes).unwrap();
        let refused = owlctl(&daemon, &["backup", "verify", bad.to_str().unwrap()]).await;
        assert_eq!(refused.status, Some(1), "{refused:?}");
    }

    // Killed at once: whatever it had, the name is free.
    let other = daemon.home().join("other.zst");
    let mut command = program(&binary("owlctl"));
    command
        .env("OWLCODA_HOME", daemon.home())
        .args(["backup", "create", "--out"])
        .arg(&other);
    let mut child = command.spawn().unwrap();
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    assert!(!other.exists());
    let created = owlctl(
        &daemon,
        &["backup", "create", "--out", other.to_str().unwrap()],
    )
    .await;
    assert_eq!(created.status, Some(0), "{created:?}");
}
