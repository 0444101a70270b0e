//! `validate` and `config show`, `export`, `migrate`.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::Value;

use super::{Home, golden};
use crate::process::{owlcodad, program, run};

const BAD: &str = r#"{
  "prot": 8019,
  "models": [
    {"id": "a", "aliases": ["x"], "endpoint": "http://127.0.0.1:9", "default": true},
    {"id": "b", "aliases": ["x", "a"], "endpoint": "127.0.0.1:9", "tier": "quick"}
  ]
}"#;

const OLD: &str = r#"{
  "routerUrl": "http://127.0.0.1:8009/",
  "adminToken": "sk-1",
  "modelMap": {"claude-opus": "big", "claude-haiku": "small"},
  "defaultModel": "claude-haiku",
  "colour": "of the sky"
}"#;

const FULL: &str = r#"{
  "configVersion": 8,
  "port": 8020,
  "models": [
    {"id": "cloud", "provider": "openrouter", "apiKey": "sk-file", "default": true,
      "headers": {"X-Title": "owl", "X-Org": "sk-header"}},
    {"id": "tiny", "runtime": "llama"}
  ],
  "runtimes": [
    {"name": "llama", "command": "llama-server", "args": ["--port", "{port}", "--api-key", "sk-arg"]}
  ]
}"#;

fn at(path: &Path) -> Vec<(&str, &'static str)> {
    vec![(path.to_str().unwrap(), "[HOME]")]
}

#[tokio::test]
async fn validate_tells_every_problem_with_its_line_and_code() {
    let home = Home::with(BAD);
    let ended = home.run(&["validate"]).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(78), ""));
    golden("validate_bad", &ended.stdout, &at(home.path()));
    let document = home.json(&["validate", "--json"]).await;
    assert_eq!(document["is_valid"], false);
    golden(
        "validate_bad_json",
        &home.run(&["validate", "--json"]).await.stdout,
        &at(home.path()),
    );
}

#[tokio::test]
async fn a_valid_file_is_0_with_and_without_warnings_and_so_is_no_file() {
    for (text, n_warnings) in [
        (r#"{"discovery": {"enabled": true}}"#, 0),
        (r#"{"skillInjection": true}"#, 1),
    ] {
        let home = Home::with(text);
        assert_eq!(home.run(&["validate"]).await.status, Some(0));
        let document = home.json(&["validate", "--json"]).await;
        assert_eq!(document["n_warnings"], n_warnings);
        assert_eq!(document["is_valid"], true);
    }
    let ended = Home::empty().run(&["validate"]).await;
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (
            Some(0),
            "no configuration file, so the defaults hold: valid\n"
        )
    );
}

#[tokio::test]
async fn a_file_can_be_named_and_looked_at_without_any_home() {
    let home = Home::with("{}");
    home.write("other.json", r#"{"port": "x"}"#);
    let other = home.path().join("other.json");
    let other = other.to_str().unwrap();
    for arguments in [&["validate", other][..], &["validate", "--config", other]] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.status, Some(78), "{ended:?}");
        assert!(ended.stdout.contains("WRONG_TYPE"), "{ended:?}");
    }
    let mut command = program(&owlcodad());
    command.args(["validate", other]);
    let ended = run(command).await;
    assert!(ended.stdout.contains("WRONG_TYPE"), "{ended:?}");
    let ended = home.run(&["validate", "/no/such/file"]).await;
    assert_eq!(ended.status, Some(78));
    assert!(ended.stdout.contains("FILE_NOT_FOUND"), "{ended:?}");
    let both = home.run(&["validate", other, "--config", other]).await;
    assert_eq!(both.status, Some(2));
}

#[tokio::test]
async fn problems_of_every_file_are_told_at_once() {
    let home = Home::with(r#"{"routerUrl": "nowhere"}"#);
    home.write("catalog.json", "[]");
    home.write("credentials.json", "7");
    let document = home.json(&["validate", "--json"]).await;
    let problems = document["problems"].as_array().unwrap().iter();
    let codes: Vec<_> = problems
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    for code in ["NOT_AN_OBJECT", "BAD_CREDENTIALS", "BAD_ENDPOINT"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}

#[tokio::test]
async fn show_prints_values_with_their_sources_and_no_secret() {
    let home = Home::with(FULL);
    let variables = [("OWLCODA_LOG_LEVEL", "debug")];
    let ended = home.run_with(&["config", "show"], &variables).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    assert!(!ended.stdout.contains("sk-"), "{}", ended.stdout);
    golden("config_show", &ended.stdout, &at(home.path()));
    let ended = home
        .run_with(&["config", "show", "--json"], &variables)
        .await;
    assert!(!ended.stdout.contains("sk-"), "{}", ended.stdout);
    golden("config_show_json", &ended.stdout, &at(home.path()));
    let document = ended.json();
    assert_eq!(document["kind"], "Config");
    let settings = document["settings"].as_array().unwrap();
    let find = |path: &str| settings.iter().find(|it| it["path"] == path).unwrap();
    assert_eq!(find("port")["source"]["line"], 3);
    assert_eq!(find("logLevel")["source"]["variable"], "OWLCODA_LOG_LEVEL");
    assert_eq!(find("models[0].apiKey")["value"], "***");
    assert_eq!(find("server.maxConnections")["source"]["kind"], "default");
}

#[tokio::test]
async fn export_is_a_configuration_without_secrets_in_each_form() {
    let home = Home::with(FULL);
    for form in ["json", "env", "text"] {
        let ended = home.run(&["config", "export", "--format", form]).await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
        assert!(!ended.stdout.contains("sk-"), "{}", ended.stdout);
        golden(
            &format!("config_export_{form}"),
            &ended.stdout,
            &at(home.path()),
        );
    }
    let ended = home.run(&["config", "export", "--json"]).await;
    golden("config_export_document", &ended.stdout, &at(home.path()));
    let document = ended.json();
    assert_eq!(document["variables"][0]["name"], "OPENROUTER_API_KEY");
    // What is exported is valid elsewhere.
    let exported = home.run(&["config", "export"]).await.stdout;
    let other = Home::with(&exported);
    assert_eq!(other.run(&["validate"]).await.status, Some(0));
}

#[tokio::test]
async fn migrate_rewrites_once_with_a_backup_and_keeps_what_it_does_not_know() {
    let home = Home::with(OLD);
    fs_err::set_permissions(
        home.config(),
        std::os::unix::fs::PermissionsExt::from_mode(0o640),
    )
    .unwrap();
    let dry = home.run(&["config", "migrate", "--dry-run"]).await;
    assert_eq!(dry.status, Some(0), "{dry:?}");
    golden("config_migrate_dry", &dry.stdout, &at(home.path()));
    let dry = home
        .run(&["config", "migrate", "--dry-run", "--json"])
        .await;
    golden("config_migrate_json", &dry.stdout, &at(home.path()));
    assert_eq!(home.read("config.json"), OLD, "a dry run writes nothing");
    let document = home.json(&["config", "migrate", "--json"]).await;
    assert_eq!(document["is_written"], true);
    let backup = document["backup"].as_str().unwrap();
    assert_eq!(fs_err::read_to_string(backup).unwrap(), OLD);
    let mode = fs_err::metadata(home.config()).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o640);
    golden("config_migrated_file", &home.read("config.json"), &[]);
    let again = home.run(&["config", "migrate"]).await;
    assert_eq!(again.status, Some(0));
    assert!(again.stdout.contains("form of today"), "{again:?}");
    assert_eq!(home.names(), ["config.json", "config.json.bak-1"]);
}

#[tokio::test]
async fn without_a_file_there_is_nothing_to_migrate_and_the_defaults_are_shown() {
    let home = Home::empty();
    let document = home.json(&["config", "migrate", "--json"]).await;
    assert_eq!(document["file"], Value::Null);
    assert_eq!(document["is_written"], false);
    let shown = home.run(&["config", "show"]).await.stdout;
    assert!(shown.contains("port = 8019 (default)"), "{shown}");
    assert_eq!(home.run(&["config", "export"]).await.status, Some(0));
    assert_eq!(home.names(), [""; 0], "nothing is left behind");
}

#[tokio::test]
async fn a_file_that_is_not_valid_is_neither_shown_nor_exported() {
    let home = Home::with(BAD);
    for arguments in [&["config", "show"][..], &["config", "export", "--json"]] {
        let ended = home.run(arguments).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(78), ""));
        assert!(ended.stderr.contains("owlcodad validate"), "{ended:?}");
        assert!(ended.stderr.contains("UNKNOWN_KEY"), "{ended:?}");
    }
    let newer = Home::with(r#"{"configVersion": 99}"#);
    let ended = newer.run(&["config", "migrate"]).await;
    assert_eq!(ended.status, Some(78));
    assert!(ended.stderr.contains("NEWER_CONFIG"), "{ended:?}");
}

#[tokio::test]
async fn the_help_of_every_verb_tells_its_exit_status() {
    let home = Home::empty();
    for verb in [
        &["serve"][..],
        &["init"],
        &["validate"],
        &["doctor"],
        &["config", "show"],
        &["config", "export"],
        &["config", "migrate"],
    ] {
        let arguments: Vec<&str> = verb.iter().copied().chain(["--help"]).collect();
        let ended = home.run(&arguments).await;
        assert_eq!(ended.status, Some(0));
        assert!(ended.stdout.contains("Exit status"), "{verb:?}: {ended:?}");
    }
    for wrong in [
        &["serve", "--json"][..],
        &["config"],
        &["config", "export", "--format", "yaml"],
        &["init", "--endpoint", "nowhere"],
        &["doctor", "extra"],
    ] {
        assert_eq!(home.run(wrong).await.status, Some(2), "{wrong:?}");
    }
}
