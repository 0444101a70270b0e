//! What the verbs of `owlctl config` make of a daemon's answers.

use owlcoda_proto::v1::{ConfigChange, ConfigProblem, DiffConfigResponse};

use super::*;
use crate::golden;

fn config() -> ConfigStatus {
    ConfigStatus {
        path: "/home/ada/.owlcoda/config.json".to_owned(),
        generation: 4,
        sha256: "0f".repeat(32),
        loaded_at_ms: 1_700_000_000_000,
        watch_mode: "events".to_owned(),
        sources: vec![
            "/home/ada/.owlcoda/config.json".to_owned(),
            "/home/ada/.owlcoda/credentials.json".to_owned(),
        ],
        previous_generation: 3,
        ..ConfigStatus::default()
    }
}

fn value(path: &str, json: &str, source: &str) -> ConfigValue {
    ConfigValue {
        path: path.to_owned(),
        json: json.to_owned(),
        source: source.to_owned(),
        ..ConfigValue::default()
    }
}

fn problem() -> ConfigProblem {
    ConfigProblem {
        severity: "error".to_owned(),
        code: "UNKNOWN_KEY".to_owned(),
        file: "/home/ada/.owlcoda/config.json".to_owned(),
        line: 4,
        column: 3,
        path: "prot".to_owned(),
        message: "did you mean\u{1b}[31m `port`?".to_owned(),
    }
}

fn both(report: &Report) -> String {
    format!("{}--- stderr\n{}", report.stdout, report.stderr)
}

#[test]
fn one_value_is_bare_for_scripts_and_several_come_with_their_sources() {
    let one = |path: &str, json: &str| GetConfigResponse {
        generation: 4,
        values: vec![value(path, json, "default")],
    };
    let of = |key: &str, answer: &GetConfigResponse| values(key, answer, false);
    assert_eq!(of("port", &one("port", "8019")).stdout, "8019\n");
    assert_eq!(of("host", &one("host", "\"::1\"")).stdout, "::1\n");
    let named = one("models[0].id", "\"a\\u001b[2J\"");
    assert_eq!(of("models[a].id", &named).stdout, "a [2J\n");
    let group = of("cost", &one("cost.currency", "\"USD\""));
    assert_eq!(group.stdout, "cost.currency = \"USD\"  (default)\n");
    let none = values("logFilePath", &GetConfigResponse::default(), false);
    assert_eq!((none.exit, none.stdout.as_str()), (Exit::Failed, ""));
    assert_eq!(none.stderr, "`logFilePath` has no value\n");
    let several = GetConfigResponse {
        generation: 4,
        values: vec![
            ConfigValue {
                line: 2,
                ..value("server.idleTimeoutMs", "7", "file")
            },
            ConfigValue {
                variable: "OWLCODA_PORT".to_owned(),
                ..value("port", "8019", "variable")
            },
            value("models[0].apiKey", "\"***\"", "credentials"),
            value("cache.enabled", "false", "daemon"),
        ],
    };
    golden::check("config_get", &of("", &several).stdout);
    golden::check("config_get_json", &values("", &several, true).stdout);
}

#[test]
fn the_status_tells_everything_that_waits_and_everything_that_is_wrong() {
    golden::check(
        "config_status",
        &status(&config(), false, &TimeZone::UTC).stdout,
    );
    let odd = ConfigStatus {
        rolled_back_from: 3,
        pending_restart: vec!["port".to_owned(), "storage.cacheBytes".to_owned()],
        rejected_at_ms: 1_700_000_100_000,
        problems: vec![problem()],
        watch_mode: "polling".to_owned(),
        sources: Vec::new(),
        previous_generation: 0,
        ..config()
    };
    golden::check(
        "config_status_odd",
        &status(&odd, false, &TimeZone::UTC).stdout,
    );
    golden::check(
        "config_status_json",
        &status(&odd, true, &TimeZone::UTC).stdout,
    );
}

#[test]
fn a_diff_ends_with_1_where_there_is_one_and_shows_no_secret() {
    let change = |path: &str, in_force: Option<&str>, on_disk: Option<&str>| ConfigChange {
        path: path.to_owned(),
        in_force: in_force.map(str::to_owned),
        on_disk: on_disk.map(str::to_owned),
        ..ConfigChange::default()
    };
    let answer = DiffConfigResponse {
        config: Some(config()),
        changes: vec![
            ConfigChange {
                needs_restart: true,
                ..change("port", Some("8019"), Some("8020"))
            },
            ConfigChange {
                needs_restart: true,
                ..change("logFilePath", Some("\"log\""), None)
            },
            change("logLevel", None, Some("\"debug\"")),
            ConfigChange {
                is_hidden: true,
                ..change("models[\"small\"].apiKey", Some("\"***\""), Some("\"***\""))
            },
        ],
        problems: Vec::new(),
    };
    let told = diff::report(&answer, false);
    assert_eq!(told.exit, Exit::Failed);
    golden::check("config_diff", &both(&told));
    golden::check("config_diff_json", &diff::report(&answer, true).stdout);
    let alike = DiffConfigResponse {
        config: Some(config()),
        ..DiffConfigResponse::default()
    };
    let told = diff::report(&alike, false);
    assert_eq!((told.exit, told.stdout.as_str()), (Exit::Ok, ""));
    let same = "the files on disk say nothing else than generation 4 in force\n";
    assert_eq!(told.stderr, same);
    let invalid = DiffConfigResponse {
        problems: vec![problem()],
        ..alike
    };
    let told = diff::report(&invalid, false);
    assert_eq!(told.exit, Exit::InvalidConfig);
    golden::check("config_diff_invalid", &both(&told));
}

#[test]
fn a_rollback_says_what_becomes_of_the_file() {
    let answer = RollbackConfigResponse {
        config: Some(config()),
        from_generation: 3,
        to_generation: 2,
        warnings: Vec::new(),
    };
    let told = rollback(&answer, false);
    assert_eq!(told.exit, Exit::Ok);
    golden::check("config_rollback", &told.stdout);
    golden::check("config_rollback_json", &rollback(&answer, true).stdout);
    let waits = RollbackConfigResponse {
        config: Some(ConfigStatus {
            pending_restart: vec!["port".to_owned()],
            ..config()
        }),
        ..answer
    };
    let told = rollback(&waits, false);
    assert_eq!(told.exit, Exit::Partial);
    assert!(
        told.stdout.ends_with("  after a restart: port\n"),
        "{}",
        told.stdout
    );
}
