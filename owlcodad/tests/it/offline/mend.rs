//! `doctor --fix` and `doctor --bundle`.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use serde_json::json;

use super::Home;
use crate::world::{nothing, with};

/// A key that must be in nothing that is given away.
const CANARY: &str = "sk-owl-canary-7";

fn home() -> Home {
    let model = json!([{"id": "m", "endpoint": "http://127.0.0.1:9", "apiKey": CANARY}]);
    Home::with(&with(nothing(), json!({"port": 0, "models": model})).to_string())
}

fn mode(home: &Home, name: &str) -> u32 {
    let metadata = fs_err::metadata(home.path().join(name)).unwrap();
    metadata.permissions().mode() & 0o777
}

fn open(home: &Home, name: &str, mode: u32) {
    fs_err::set_permissions(home.path().join(name), Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn fix_closes_our_files_and_removes_what_a_dead_daemon_left() {
    let home = home();
    fs_err::create_dir(home.path().join("auth")).unwrap();
    home.write("auth/token", &"a".repeat(64));
    fs_err::create_dir(home.path().join("run")).unwrap();
    drop(UnixListener::bind(home.path().join("run/control.sock")).unwrap());
    for (name, mode) in [("", 0o755), ("auth", 0o750), ("auth/token", 0o644)] {
        open(&home, name, mode);
    }
    let before = home.json(&["doctor", "--json"]).await;
    assert_eq!(before["mended"], json!([]));
    assert_eq!(mode(&home, "auth/token"), 0o644, "a look changes nothing");

    let document = home.json(&["doctor", "--fix", "--json"]).await;
    let mended = document["mended"].as_array().unwrap();
    assert_eq!(mended.len(), 4, "{document:#}");
    let modes = ["", "auth", "auth/token"].map(|name| mode(&home, name));
    assert_eq!(modes, [0o700, 0o700, 0o600]);
    assert!(!home.path().join("run/control.sock").exists());
    let again = home.json(&["doctor", "--fix", "--json"]).await;
    assert_eq!(again["mended"], json!([]));
}

#[tokio::test]
async fn fix_follows_no_link() {
    let home = home();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret");
    fs_err::write(&secret, "x").unwrap();
    fs_err::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    fs_err::create_dir(home.path().join("auth")).unwrap();
    open(&home, "auth", 0o700);
    symlink(&secret, home.path().join("auth/token")).unwrap();
    home.json(&["doctor", "--fix", "--json"]).await;
    let metadata = fs_err::metadata(&secret).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o644);
}

#[tokio::test]
async fn a_bundle_has_what_it_says_and_no_key() {
    let home = home();
    for dir in ["log", "crash"] {
        fs_err::create_dir(home.path().join(dir)).unwrap();
    }
    home.write("log/owlcodad.log", "{\"message\":\"a line\"}\n");
    for n in 1..=4 {
        home.write(&format!("crash/2026-11-2{n}.txt"), "panicked");
    }
    let file = home.path().join("owl.tar");
    let name = file.display().to_string();
    let ended = home.run(&["doctor", "--bundle", &name]).await;
    assert!(
        ended.stdout.contains("look before you give it away"),
        "{ended:?}"
    );
    assert_eq!(mode(&home, "owl.tar"), 0o600);
    let bytes = fs_err::read(&file).unwrap();
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(has("DoctorBundle") && has("a line") && has("panicked"));
    assert!(!has(CANARY));
    #[expect(clippy::disallowed_methods, reason = "another reader of what we wrote")]
    let listed = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(
        listed.lines().collect::<Vec<_>>(),
        [
            "manifest.json",
            "doctor.json",
            "config.json",
            "log/owlcodad.log",
            "crash/2026-11-24.txt",
            "crash/2026-11-23.txt",
            "crash/2026-11-22.txt",
        ]
    );
    let again = home.run(&["doctor", "--bundle", &name]).await;
    assert_eq!(again.status, Some(1), "what is there stays: {again:?}");
    assert_eq!(fs_err::read(&file).unwrap(), bytes);
}
