//! What keeps the daemon from starting, as `doctor` tells it: modes, other daemons, units that failed,
//! versions.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use owlcoda_proto::PROTOCOL;
use owlcoda_testkit::control::{Skewed, Version};
use serde_json::Value;

use super::Home;
use crate::world::{daemon, nothing};

const CONFIG: &str = r#"{"port": 0, "discovery": {"enabled": false}}"#;

fn set_mode(home: &Home, name: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    fs_err::set_permissions(home.path().join(name), permissions).unwrap();
}

/// State, detail and remedy of the check with this id.
fn check<'d>(document: &'d Value, id: &str) -> [&'d str; 3] {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["id"] == id).unwrap();
    ["state", "detail", "remedy"].map(|name| found[name].as_str().unwrap_or_default())
}

#[tokio::test]
async fn what_a_start_refuses_doctor_names_with_the_command_that_mends_it() {
    let home = Home::with(CONFIG);
    let shown = home.path().display().to_string();
    set_mode(&home, "", 0o777);
    let document = home.json(&["doctor", "--json"]).await;
    let remedy = format!("chmod 700 {shown}");
    let [state, detail, said] = check(&document, "home");
    assert_eq!((state, said), ("fail", &*remedy), "{detail}");
    assert!(detail.contains("0777"), "{detail}");

    set_mode(&home, "", 0o700);
    fs_err::create_dir(home.path().join("run")).unwrap();
    set_mode(&home, "run", 0o777);
    let document = home.json(&["doctor", "--json"]).await;
    let [state, detail, said] = check(&document, "daemon");
    assert_eq!(
        (state, said),
        ("fail", &*format!("chmod 700 {shown}/run")),
        "{detail}"
    );
    // And mended so, it starts.
    set_mode(&home, "run", 0o700);
    let document = home.json(&["doctor", "--json"]).await;
    assert_eq!(check(&document, "daemon")[0], "ok");
    assert_eq!(check(&document, "home")[0], "ok");

    if rustix::process::geteuid().is_root() {
        let left = home.path().join("boot.json");
        fs_err::write(&left, "{}").unwrap();
        std::os::unix::fs::chown(&left, Some(65_534), None).unwrap();
        let document = home.json(&["doctor", "--json"]).await;
        let [state, detail, said] = check(&document, "home");
        assert_eq!(state, "fail", "{detail}");
        assert!(detail.contains("belongs to user 65534"), "{detail}");
        assert!(said.starts_with("chown -R 0 "), "{said}");
    }
}

#[tokio::test]
async fn another_daemon_at_our_socket_is_told_with_both_ways_out() {
    let other = daemon().config(nothing()).start().await;
    let home = Home::with(CONFIG);
    let socket = other.socket().display().to_string();
    let document = home.json(&["doctor", "--json", "--socket", &socket]).await;
    let [state, detail, said] = check(&document, "daemon");
    assert_eq!(state, "warn", "{detail}");
    assert!(
        detail.contains("a daemon of another home answers"),
        "{detail}"
    );
    assert!(
        said.contains("--socket PATH") && said.contains("stop that one"),
        "{said}"
    );
    let [state, detail, _] = check(&document, "version");
    assert_eq!(state, "ok", "{detail}");
}

#[tokio::test]
async fn a_daemon_of_another_version_is_told_with_which_side_to_change() {
    let home = Home::with(CONFIG);
    for (protocol, min_client_protocol, state, remedy) in [
        (PROTOCOL - 1, 1, "warn", "owlctl restart"),
        (
            PROTOCOL + 2,
            PROTOCOL + 1,
            "fail",
            "that came with the daemon",
        ),
    ] {
        let other = Skewed::with(Version {
            protocol,
            min_client_protocol,
            ..Version::default()
        });
        let socket = other.socket().display().to_string();
        let document = home.json(&["doctor", "--json", "--socket", &socket]).await;
        let [found, detail, said] = check(&document, "version");
        assert_eq!(found, state, "{detail}");
        assert!(said.contains(remedy), "{said}");
        let words = format!("9.8.7 (protocol {protocol})");
        assert!(detail.contains(&words), "{detail}");
    }
}

/// `doctor` beside a `systemctl` that runs this script.
async fn beside(home: &Home, script: &str) -> Value {
    let bin = home.path().join("bin");
    fs_err::create_dir_all(&bin).unwrap();
    fs_err::write(bin.join("systemctl"), format!("#!/bin/sh\n{script}\n")).unwrap();
    set_mode(home, "bin/systemctl", 0o755);
    let path = format!("{}:/usr/bin:/bin", bin.display());
    home.run_with(&["doctor", "--json"], &[("PATH", &path)])
        .await
        .json()
}

#[tokio::test]
async fn a_unit_that_failed_is_told_with_what_mends_it_and_a_manager_that_hangs_is_not_waited_for()
{
    let home = Home::with(CONFIG);
    let failed = r#"[ "$1" = --user ] || exit 1
for unit do
  case $unit in owlcodad.service) printf 'Id=%s\nLoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=78\n\n' "$unit" ;; esac
done"#;
    let document = beside(&home, failed).await;
    let [state, detail, remedy] = check(&document, "service");
    assert_eq!(state, "fail", "{detail}");
    assert!(
        detail.starts_with("your own owlcodad.service failed"),
        "{detail}"
    );
    assert!(
        remedy.contains("owlcodad validate")
            && remedy.ends_with("systemctl --user restart owlcodad.service"),
        "{remedy}"
    );

    for script in [
        "exit 1",
        "echo 'System has not been booted' >&2; exit 1",
        "exec sleep 60",
    ] {
        let before = Instant::now();
        let document = beside(&home, script).await;
        assert_eq!(check(&document, "service")[0], "skip", "{script}");
        assert!(before.elapsed().as_secs() < 30, "{script}");
    }
}
