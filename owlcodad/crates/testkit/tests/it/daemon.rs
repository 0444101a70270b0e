//! A test daemon, with a script in the place of the program.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use owlcoda_testkit::{DEADLINE, TestDaemon, binary};
use serde_json::{Value, json};

fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stand-in.sh")
}

#[tokio::test]
async fn a_daemon_gets_a_private_home_a_config_and_a_clean_environment() {
    let daemon = TestDaemon::builder()
        .config(json!({"models": []}))
        .env("GIVEN", "yes")
        .arg("--quick")
        .bin(stand_in())
        .start()
        .await;
    let home = daemon.home();
    assert_eq!(daemon.url(), format!("http://127.0.0.1:{}", daemon.pid()));
    assert_eq!(daemon.socket(), home.join("run/control.sock"));
    assert_eq!(
        daemon.stderr(),
        format!("started serve --home {} --quick\n", home.display())
    );

    let config = home.join("config.json");
    let written: Value = serde_json::from_slice(&fs_err::read(&config).unwrap()).unwrap();
    let expected = json!({
        "models": [], "port": 0, "discovery": {"enabled": false}, "health": {"intervalMs": 0},
    });
    assert_eq!(written, expected);
    for (path, mode) in [(home, 0o700), (&config, 0o600)] {
        let found = fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }

    let env = fs_err::read_to_string(home.join("env")).unwrap();
    // The shell adds these of its own.
    let ours = |name: &&str| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name);
    let names: Vec<&str> = env
        .lines()
        .filter_map(|line| line.split('=').next())
        .filter(ours)
        .collect();
    assert_eq!(names, ["GIVEN", "HOME", "PATH"]);
    assert!(
        !env.contains(&format!("HOME={}\n", home.display())),
        "{env}"
    );
}

#[tokio::test]
async fn a_daemon_that_ends_instead_of_serving_is_told_with_its_stderr() {
    let builder = TestDaemon::builder()
        .config_text("refuse this")
        .bin(stand_in());
    let refused = builder.try_start().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(refused.stderr, "the configuration is refused\n");
    assert!(refused.to_string().contains("refused"), "{refused}");
}

#[tokio::test]
async fn a_restart_keeps_the_home_and_ends_the_old_process() {
    let mut daemon = TestDaemon::builder().bin(stand_in()).start().await;
    let (old, home) = (daemon.pid(), daemon.home().to_owned());
    fs_err::write(home.join("kept"), "x").unwrap();
    daemon.restart().await;
    assert_ne!(daemon.pid(), old);
    assert_eq!(daemon.home(), home);
    assert!(home.join("kept").exists());
    let words: Vec<String> = daemon
        .stderr()
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(words, ["started", "asked", "started"]);

    daemon.write_config(json!({"say": "refuse"}));
    let refused = daemon.try_restart().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(2));
}

#[tokio::test]
async fn a_daemon_can_be_asked_to_end_and_can_be_killed() {
    let mut daemon = TestDaemon::builder().bin(stand_in()).start().await;
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    daemon.restart().await;
    daemon.kill9().await;
    assert_eq!(daemon.wait_exit().await.signal(), Some(9));
}

#[tokio::test]
async fn a_dropped_daemon_is_gone_with_its_home() {
    let daemon = TestDaemon::builder().bin(stand_in()).start().await;
    let (pid, home) = (daemon.pid(), daemon.home().to_owned());
    drop(daemon);
    assert!(!home.exists());
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let probe = rustix::process::test_kill_process(pid);
    assert_eq!(probe, Err(rustix::io::Errno::SRCH));
}

#[tokio::test]
async fn output_after_the_serving_line_never_blocks_the_daemon() {
    let daemon = TestDaemon::builder().bin(stand_in()).start().await;
    let printed = daemon.home().join("printed");
    let all_printed = async {
        while !printed.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, all_printed).await.unwrap();
}

#[test]
#[should_panic(expected = "run `cargo test --workspace`")]
fn a_program_that_is_not_built_is_named_with_what_to_run() {
    binary("no-such-program");
}
