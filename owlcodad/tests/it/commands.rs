//! The table in `packaging/docs/commands.md`: each command line of ours does what it says there.

use std::path::{Path, PathBuf};

use owlcoda_testkit::{FakeUpstream, Script, binary};
use serde_json::json;

use crate::process::{Ended, owlctl_at, program, run};
use crate::world::{MODEL, config, with};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}

fn page() -> String {
    fs_err::read_to_string(packaging().join("docs/commands.md")).unwrap()
}

/// The command lines between backticks in this column of the table.
fn column(page: &str, column_idx: usize) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').nth(column_idx).unwrap().trim())
        .map(|cell| cell.trim_matches('`'))
        .collect()
}

/// A home whose daemon, if there is one, ends with it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a daemon that outlives its starter"
        )]
        let mut stop = std::process::Command::new(binary("owlctl"));
        stop.env_clear().arg("--home").arg(self.path());
        stop.args(["stop", "--now"]).output().unwrap();
    }
}

/// Runs a command line of ours for `home`, with nothing on its standard input.
async fn owl(home: &Path, line: &str) -> Ended {
    let mut command = program(Path::new("/bin/sh"));
    let here = binary("owlctl").parent().unwrap().to_path_buf();
    command
        .env("OWLCODA_HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", here.display()))
        .arg("-c")
        .arg(line);
    run(command).await
}

#[tokio::test]
async fn every_row_of_the_table_does_what_it_says() {
    let upstream = FakeUpstream::start().await;
    let home = Home::new();
    let page = page();
    let lines = column(&page, 2);
    assert!(lines.len() >= 25, "{lines:?}");
    let owl_path = packaging().join("bin/owl");
    let file = home.path().join("config.json");
    for line in lines {
        // What `init` writes names the real port; the test must be in nobody's way.
        let quiet = with(
            config(&upstream),
            json!({"port": 0, "discovery": {"enabled": false}}),
        );
        fs_err::write(&file, quiet.to_string()).unwrap();
        let asks = ["owl -p", "probe", "benchmark"];
        if asks.iter().any(|ask| line.contains(ask)) {
            upstream.script(Script::text("Hello."));
        }
        let line = line
            .replace("{endpoint}", &upstream.url())
            .replace("{model}", MODEL)
            .replacen("owl", &owl_path.display().to_string(), 1);
        let ended = owl(home.path(), &line).await;
        assert_eq!(ended.status, Some(0), "{line}: {ended:?}");
        if line.contains("owl -p") {
            assert_eq!(ended.stdout, "Hello.\n", "{ended:?}");
        }
        if line.ends_with("owl start") {
            assert_eq!(
                owlctl_at(home.path(), &["health", "-q"]).await.status,
                Some(0)
            );
        }
    }
    assert_eq!(
        owlctl_at(home.path(), &["health", "-q"]).await.status,
        Some(69)
    );
}

#[tokio::test]
async fn what_is_not_there_yet_is_refused_as_the_page_says() {
    let home = Home::new();
    let page = page();
    let (_, missing) = page.split_once("## Not there yet").unwrap();
    let lines: Vec<_> = missing
        .split('`')
        .filter(|piece| piece.starts_with("owl "))
        .collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let owl_path = packaging().join("bin/owl");
    for line in lines {
        let line = line.replacen("owl", &owl_path.display().to_string(), 1);
        assert_eq!(owl(home.path(), &line).await.status, Some(2), "{line}");
    }
}

#[tokio::test]
async fn the_place_may_stand_anywhere_and_counts_for_the_start_as_well() {
    let upstream = FakeUpstream::start().await;
    let (home, elsewhere) = (Home::new(), Home::new());
    let quiet = with(
        config(&upstream),
        json!({"port": 0, "discovery": {"enabled": false}}),
    );
    fs_err::write(home.path().join("config.json"), quiet.to_string()).unwrap();
    let owl_path = packaging().join("bin/owl").display().to_string();
    let place = home.path().display();
    for line in [
        format!("{owl_path} --home {place} -p Hi"),
        format!("{owl_path} -p Hi --home={place}"),
    ] {
        upstream.script(Script::text("Hello."));
        let ended = owl(elsewhere.path(), &line).await;
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(0), "Hello.\n"),
            "{ended:?}"
        );
    }
    let ended = owl(elsewhere.path(), &format!("{owl_path} --home {place} stop")).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(!elsewhere.path().join("store").exists());
}
