//! The verbs that do not serve, as programs: what they print, write and end with.

mod clients;
mod configs;
mod hindrance;
mod hostile;
mod live;
mod machine;
mod mend;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ended, owlcodad, program, run};

/// A data directory of its own.
struct Home(TempDir);

impl Home {
    /// With this text as `config.json`.
    fn with(text: &str) -> Self {
        let home = Self::empty();
        home.write("config.json", text);
        home
    }

    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs_err::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// A file for its owner alone.
    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Runs `owlcodad` for this home.
    async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[]).await
    }

    async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = program(&owlcodad());
        command
            .env("OWLCODA_HOME", self.path())
            .envs(variables.iter().copied())
            .args(arguments);
        run(command).await
    }

    /// The document that a verb prints; panics where it is none.
    async fn json(&self, arguments: &[&str]) -> Value {
        let document = self.run(arguments).await.json();
        assert_eq!(document["apiVersion"], "owlcoda/v1");
        assert!(document["kind"].is_string());
        document
    }
}

/// Compares what is printed with `tests/golden/`, with names in place of what differs each time.
fn golden(name: &str, text: &str, names: &[(&str, &str)]) {
    let mut text = text.to_owned();
    for (value, name) in names {
        text = text.replace(value, name);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
