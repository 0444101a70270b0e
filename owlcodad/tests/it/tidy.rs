//! The shape of the workspace: which room uses which, and what every file and crate has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Most lines of a file.
const MAX_LINES: usize = 600;

/// Files that may be longer, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Which of our crates each of them may use, tests aside. What is not here may use nothing.
const EDGES: [(&str, &[&str]); 17] = [
    ("types", &[]),
    ("wire", &["types"]),
    ("config", &["types"]),
    ("models", &["config", "types"]),
    ("telemetry", &["types"]),
    ("supervise", &["telemetry", "types"]),
    ("store", &["telemetry", "types"]),
    (
        "upstream",
        &["config", "wire", "supervise", "telemetry", "types"],
    ),
    (
        "pipeline",
        &[
            "models",
            "upstream",
            "config",
            "supervise",
            "telemetry",
            "wire",
            "types",
        ],
    ),
    (
        "agent",
        &[
            "pipeline",
            "store",
            "config",
            "supervise",
            "telemetry",
            "wire",
            "types",
        ],
    ),
    (
        "gateway",
        &[
            "pipeline",
            "models",
            "store",
            "config",
            "supervise",
            "telemetry",
            "wire",
            "types",
        ],
    ),
    (
        "control",
        // The upstream room tells how the model servers of ours are.
        &[
            "proto",
            "agent",
            "pipeline",
            "models",
            "store",
            "config",
            "supervise",
            "telemetry",
            "types",
            "upstream",
        ],
    ),
    ("proto", &["types"]),
    ("owlctl", &["proto"]),
    ("owl-repl", &["proto"]),
    (
        "testkit",
        // Its doubles of the control plane speak the protocol; on nothing else of ours may it lean,
        // because it would test a room with that room.
        &["proto"],
    ),
    (
        "owlcodad",
        &[
            "types",
            "wire",
            "config",
            "models",
            "telemetry",
            "supervise",
            "store",
            "upstream",
            "pipeline",
            "agent",
            "gateway",
            "control",
            "proto",
        ],
    ),
];

/// Crates of others that only some of ours may use, tests aside.
const KEPT_TO: [(&str, &[&str]); 11] = [
    ("sled", &["store"]),
    ("axum", &["gateway"]),
    ("hyper", &["gateway"]),
    ("reqwest", &["upstream"]),
    ("notify", &["supervise"]),
    (
        "tonic",
        &["proto", "control", "owlctl", "owl-repl", "testkit"],
    ),
    ("clap", &["owlcodad", "owlctl", "owl-repl"]),
    ("tracing-subscriber", &["telemetry"]),
    ("opentelemetry", &["owlcodad"]),
    ("opentelemetry-otlp", &["owlcodad"]),
    ("metrics-exporter-prometheus", &["telemetry"]),
];

/// Rooms that compute and wait for nothing.
const PURE: [&str; 4] = ["types", "wire", "config", "models"];

/// One package of the workspace.
struct Package {
    /// Its name without the prefix that our libraries have.
    name: String,
    manifest: PathBuf,
    /// Names of what it uses in builds that are not for tests, ours without the prefix.
    uses: BTreeSet<String>,
    /// The same for what only its tests use.
    tests_use: BTreeSet<String>,
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_path_buf()
}

fn short(name: &str) -> String {
    name.strip_prefix("owlcoda-").unwrap_or(name).to_owned()
}

fn packages() -> Vec<Package> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the build tool, not a program of ours"
    )]
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_kind = |package: &Value, is_wanted: fn(&Value) -> bool| -> BTreeSet<String> {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies
            .filter(|dependency| is_wanted(&dependency["kind"]))
            .map(|dependency| short(dependency["name"].as_str().unwrap()))
            .collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| Package {
            name: short(package["name"].as_str().unwrap()),
            manifest: PathBuf::from(package["manifest_path"].as_str().unwrap()),
            uses: of_kind(package, |kind| *kind != "dev"),
            tests_use: of_kind(package, |kind| *kind == "dev"),
        })
        .collect()
}

/// Every `.rs` file of the workspace, by its path from the root.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs_err::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    dirs.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    assert!(found.len() > 100, "the sources are elsewhere: {found:?}");
    found
}

#[test]
fn rooms_use_each_other_only_along_the_edges_of_the_table() {
    let packages = packages();
    let ours: BTreeSet<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let listed: BTreeSet<_> = EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        ours, listed,
        "a crate came or went: the table is in this file"
    );
    for package in &packages {
        let allowed = EDGES
            .iter()
            .find(|(name, _)| *name == package.name)
            .unwrap()
            .1;
        for used in package
            .uses
            .iter()
            .filter(|used| ours.contains(used.as_str()))
        {
            assert!(
                allowed.contains(&used.as_str()),
                "`{}` must not use `{used}`; if it has to, change the table with the reason",
                package.name
            );
        }
    }
}

#[test]
fn nothing_uses_the_daemon_s_program_and_only_tests_use_the_test_kit() {
    for package in packages() {
        let Package {
            name,
            uses,
            tests_use,
            ..
        } = package;
        assert!(!uses.contains("testkit"), "{name}");
        assert!(
            !uses.contains("owlcodad") && !tests_use.contains("owlcodad"),
            "{name}"
        );
    }
}

#[test]
fn crates_of_others_stay_in_the_rooms_that_own_them() {
    for package in packages() {
        for (other, rooms) in KEPT_TO {
            assert!(
                !package.uses.contains(other) || rooms.contains(&package.name.as_str()),
                "`{}` must not use {other}: that is for {rooms:?}",
                package.name
            );
        }
        let is_pure = PURE.contains(&package.name.as_str());
        assert!(
            !is_pure || !package.uses.contains("tokio"),
            "`{}` waits for nothing",
            package.name
        );
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = fs_err::read_to_string(&package.manifest).unwrap();
        let lints = manifest.split("\n[lints]\n").nth(1).unwrap_or_default();
        assert!(
            lints.starts_with("workspace = true"),
            "{}",
            package.manifest.display()
        );
    }
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = fs_err::read_to_string(root().join("owlcodad/ARCHITECTURE.md")).unwrap();
    for package in packages() {
        let quoted = format!("`{}`", package.name);
        assert!(
            page.contains(&quoted),
            "owlcodad/ARCHITECTURE.md does not name {quoted}"
        );
    }
}

#[test]
fn every_source_file_says_what_it_owns_and_none_is_long() {
    for path in sources() {
        let shown = path.display().to_string();
        let text = fs_err::read_to_string(root().join(&path)).unwrap();
        assert!(
            text.starts_with("//! "),
            "{shown} has no doc of its own at its top"
        );
        assert!(
            !path.ends_with("mod.rs"),
            "{shown}: name it after its module"
        );
        let n_lines = text.lines().count();
        let is_excused = LONG_FILES.iter().any(|(excused, _)| *excused == shown);
        assert!(
            n_lines <= MAX_LINES || is_excused,
            "{shown} has {n_lines} lines: split it"
        );
    }
}
