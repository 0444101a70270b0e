//! Every key and every variable has a test of its effect, which the reference page names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::keys::{Effect, KEYS, Kind};

const HEAD: &str = "| Key or variable | Test of its effect |\n| --- | --- |\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The rows of the page: each key or variable with the name of a test.
fn rows() -> BTreeMap<String, String> {
    let page = fs_err::read_to_string(root().join("packaging/docs/config.md")).unwrap();
    let (_, table) = page.split_once(HEAD).expect("the table of effects");
    let lines = table.lines().take_while(|line| line.starts_with('|'));
    let mut rows = BTreeMap::new();
    for line in lines {
        let cells: Vec<_> = line.split('`').collect();
        let [_, key, _, test, _] = cells[..] else {
            panic!("{line} has not two names")
        };
        let twice = rows.insert(key.to_owned(), test.to_owned());
        assert_eq!(twice, None, "{key} has two rows");
    }
    rows
}

/// The text of every source file, with its path from the root.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut dirs: Vec<PathBuf> = ["owlcodad", "owlctl", "owl-repl", "proto"]
        .map(|name| root.join(name))
        .to_vec();
    while let Some(dir) = dirs.pop() {
        for entry in fs_err::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, fs_err::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 100, "the sources are elsewhere");
    found
}

/// Every variable of ours that a program reads.
fn variables(sources: &[(String, String)]) -> Vec<String> {
    let mut names = Vec::new();
    for (path, text) in sources {
        let is_test = path.contains("/tests") || path.contains("/testkit/");
        let quoted = text.split('"').skip(1).step_by(2);
        for word in quoted.filter(|_| !is_test) {
            let is_name = word.len() > "OWLCODA_".len()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            if word.starts_with("OWLCODA_") && is_name && !names.iter().any(|it| it == word) {
                names.push(word.to_owned());
            }
        }
    }
    assert!(names.len() >= 6, "{names:?}");
    names
}

#[test]
fn every_key_and_every_variable_names_the_test_of_its_effect() {
    let rows = rows();
    for key in KEYS {
        let is_group = matches!(key.kind, Kind::Group | Kind::GroupList);
        if is_group || !matches!(key.effect, Effect::Used | Effect::Version) {
            continue;
        }
        assert!(
            rows.contains_key(key.path),
            "`{}` needs a test of its effect and a row in packaging/docs/config.md",
            key.path
        );
    }
    for name in variables(&sources()) {
        assert!(
            rows.contains_key(&name),
            "`{name}` needs a test of its effect and a row in packaging/docs/config.md"
        );
    }
}

#[test]
fn every_row_is_about_something_that_there_is_and_its_test_is_one() {
    let sources = sources();
    let mut tests = Vec::new();
    for (_, text) in &sources {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for (idx, line) in lines.iter().enumerate() {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            let Some((name, _)) = name.and_then(|rest| rest.split_once('(')) else {
                continue;
            };
            // Attributes and the head of a property stand above.
            let above = lines[idx.saturating_sub(4)..idx].iter().rev();
            let mut attributes = above.take_while(|line| line.starts_with('#'));
            if attributes.any(|line| *line == "#[test]" || line.starts_with("#[tokio::test")) {
                tests.push(name);
            }
        }
    }
    assert!(tests.len() > 300, "{}", tests.len());
    for (key, test) in rows() {
        assert!(
            tests.contains(&test.as_str()),
            "`{key}`: there is no test `{test}`"
        );
        let is_variable = key
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        assert!(
            is_variable || KEYS.iter().any(|row| row.path == key),
            "`{key}` is no key"
        );
    }
}
