//! What befalls a service: descriptors that run out, a store that cannot be opened, restarts without
//! end, and files that nobody else may read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use owlcoda_testkit::{FakeUpstream, Gate, Script, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{ended, owlcodad, owlctl, owlctl_at, program, run, said, signal};
use crate::world::{
    MODEL, Route, assert_lives, config, daemon, halting, nothing, once, streamed_text, until, with,
};

fn home_with(config: &Value) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs_err::write(home.path().join("config.json"), config.to_string()).unwrap();
    home
}

fn serve(home: &Path) -> tokio::process::Command {
    let mut command = program(&owlcodad());
    command.args(["serve", "--home"]).arg(home);
    command
}

#[tokio::test]
async fn a_store_at_which_every_start_is_lost_is_set_aside_whole_and_the_daemon_serves() {
    let home = home_with(&with(nothing(), json!({"port": 0})));
    fs_err::write(home.path().join("store"), "no store, and kept").unwrap();
    for _ in 0..2 {
        let failed = run(serve(home.path())).await;
        assert_eq!(failed.status, Some(1), "{failed:?}");
    }
    let mut child = serve(home.path()).spawn().unwrap();
    said(&mut child, "serving").await;
    let status = owlctl_at(home.path(), &["status", "--json"]).await.json();
    let problem = status["problems"][0].as_str().unwrap();
    let is_aside = |name: &str| name.starts_with("store.set-aside-");
    let names = fs_err::read_dir(home.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside: Vec<_> = names.filter(|name| is_aside(name)).collect();
    let [aside] = &aside[..] else {
        panic!("one is set aside: {aside:?}");
    };
    assert!(
        problem.contains("safe mode") && problem.contains(aside.as_str()),
        "{problem}"
    );
    let kept = fs_err::read_to_string(home.path().join(aside)).unwrap();
    assert_eq!(kept, "no store, and kept");
    signal(child.id().unwrap(), Signal::TERM);
    assert_eq!(ended(child).await.status, Some(0));
}

#[tokio::test]
async fn a_daemon_without_descriptors_ends_what_runs_and_takes_callers_again() {
    let upstream = FakeUpstream::start().await;
    let home = home_with(&with(
        once(config(&upstream)),
        json!({"port": 0, "discovery": {"enabled": false}}),
    ));
    let mut command = program(Path::new("/usr/bin/prlimit"));
    command.arg("--nofile=96").arg(owlcodad());
    command.args(["serve", "--home"]).arg(home.path());
    let mut child = command.spawn().unwrap();
    let line = said(&mut child, "\n").await;
    let url = line
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap();
    let authority = url.trim_start_matches("http://").to_owned();

    let gate = Gate::new();
    upstream.script(halting(&gate));
    let body = Route::Chat.ask_stream(MODEL).to_string();
    let mut stream = http::open_stream(&format!("{url}/v1/chat/completions"), body).await;
    let mut bytes = stream.until("One").await;
    let mut crowd = Vec::new();
    for _ in 0..150 {
        crowd.push(http::Connection::open(&authority).await);
    }
    let log = || async {
        let answer = owlctl_at(home.path(), &["logs", "--level", "warn"]).await;
        answer.stdout.contains("could not accept").then_some(())
    };
    gate.open();
    bytes.extend(stream.rest().await.unwrap());
    assert_eq!(streamed_text(&bytes), "One two");
    drop(crowd);
    upstream.script(Script::reply("ok"));
    until("callers to be taken again", async || {
        let health = format!("{url}/health");
        let answer = http::try_request("GET", &health, &[], "").await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
    until("the log to tell of it", log).await;
    let status = owlctl_at(home.path(), &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["storage"]["integrity"], "ok", "{status}");
}

#[tokio::test]
async fn a_storm_of_restarts_and_kills_leaves_a_daemon_that_is_well() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = daemon().config(once(config(&upstream))).start().await;
    for number in 0..20 {
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
        if number % 2 == 0 {
            daemon.kill9().await;
        }
        daemon.restart().await;
    }
    assert_lives(&daemon, daemon.pid()).await;
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["storage"]["integrity"], "ok", "{status}");
}

/// What in `dir` others may do anything with.
fn open_to_others(dir: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in fs_err::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        if metadata.mode() & 0o077 != 0 {
            found.push((path.clone(), metadata.mode() & 0o777));
        }
        if metadata.is_dir() {
            open_to_others(&path, found);
        }
    }
}

#[tokio::test]
async fn nothing_that_a_run_leaves_behind_is_open_to_others_whatever_the_umask() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let log_file = json!({"port": 0, "logFilePath": "log/owlcodad.log"});
    for umask in ["000", "077"] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.json");
        fs_err::write(
            &file,
            with(once(config(&upstream)), log_file.clone()).to_string(),
        )
        .unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(&file, private).unwrap();
        let mut command = program(Path::new("/bin/sh"));
        command.args(["-c", "umask $1; shift; exec \"$@\"", "sh", umask]);
        command
            .arg(owlcodad())
            .args(["serve", "--home"])
            .arg(home.path());
        let mut child = command.spawn().unwrap();
        let line = said(&mut child, "\n").await;
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap();
        let body = Route::Chat.ask(MODEL).to_string();
        let answer = http::post(&format!("{url}/v1/chat/completions"), body).await;
        assert_eq!(answer.status, 200);
        let mut repl = program(&owlcoda_testkit::binary("owl-repl"));
        repl.env("OWLCODA_HOME", home.path()).args(["-p", "Hi"]);
        assert_eq!(run(repl).await.status, Some(0));
        let mut found = Vec::new();
        open_to_others(home.path(), &mut found);
        assert_eq!(found, [], "while it runs, umask {umask}");
        signal(child.id().unwrap(), Signal::TERM);
        assert_eq!(ended(child).await.status, Some(0));
        open_to_others(home.path(), &mut found);
        assert_eq!(found, [], "after its end, umask {umask}");
        assert!(home.path().join("boot.json").exists());
    }
}
