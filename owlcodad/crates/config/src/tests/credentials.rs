//! The file with keys: whose they are, and when the file is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use owlcoda_types::Secret;
use serde_json::{Value, json};

use crate::{ConfigError, Environment, Loaded, Source, code, find_credentials, load};

/// A home with these two files.
struct Home(tempfile::TempDir);

impl Home {
    fn new(models: &Value, credentials: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("config.json", &json!({"models": models}).to_string(), 0o600);
        home.write("credentials.json", credentials, 0o600);
        home
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn load(&self, env: &Environment) -> Result<Loaded, ConfigError> {
        let source = Source {
            path: Some(self.0.path().join("config.json")),
            credentials: find_credentials(self.0.path(), env),
            ..Source::default()
        };
        load(&source, env)
    }

    /// The keys of all models.
    fn keys(&self, env: &Environment) -> Vec<Option<String>> {
        let loaded = self.load(env).unwrap_or_else(|error| panic!("{error}"));
        let models = loaded.config.models.iter();
        let keys = models.map(|model| model.key.as_ref().map(Secret::expose).map(str::to_owned));
        keys.collect()
    }
}

#[test]
fn a_key_is_found_by_provider_and_by_address_and_after_what_the_entry_says() {
    let env = Environment::from_iter([("DEEPSEEK_API_KEY", "sk-usual"), ("MINE", "sk-mine")]);
    let models = json!([
        {"id": "a", "provider": "openrouter"},
        {"id": "b", "provider": "deepseek"},
        {"id": "c", "endpoint": "https://models.example.com"},
        {"id": "d", "endpoint": "https://models.example.com/other/v1"},
        {"id": "e", "endpoint": "http://127.0.0.1:8000"},
        {"id": "f", "endpoint": "https://openrouter.ai/api/v1"},
        {"id": "g", "provider": "openrouter", "apiKey": "sk-entry"},
        {"id": "h", "provider": "openrouter", "apiKeyEnv": "MINE"},
        {"id": "i", "provider": "custom", "endpoint": "https://models.example.com/v1"},
        {"id": "j", "endpoint": "https://unnamed.example.com"},
    ]);
    let credentials = json!({
        "openrouter": "sk-router", "deepseek": "sk-kept",
        "https://models.example.com/v1/": "sk-address", "127.0.0.1:8000": "sk-local",
    });
    let home = Home::new(&models, &credentials.to_string());
    let expected = [
        Some("sk-router"),
        // Before the usual variable.
        Some("sk-kept"),
        Some("sk-address"),
        None,
        Some("sk-local"),
        // No provider is named.
        None,
        Some("sk-entry"),
        Some("sk-mine"),
        Some("sk-address"),
        None,
    ];
    assert_eq!(home.keys(&env), expected.map(|key| key.map(str::to_owned)));
}

#[test]
fn without_the_file_there_are_no_keys_and_no_complaint() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(find_credentials(home.path(), &Environment::default()), None);
    let source = Source::default();
    assert_eq!(load(&source, &Environment::default()).unwrap().warnings, []);
}

#[test]
fn a_file_that_others_may_open_is_refused_in_one_sentence() {
    let home = Home::new(&json!([]), "{}");
    for mode in [0o644, 0o640, 0o604, 0o660, 0o602, 0o610] {
        let path = home.write("credentials.json", r#"{"openai": "sk-5ecret"}"#, mode);
        let error = home.load(&Environment::default()).unwrap_err();
        let shown = path.display();
        assert_eq!(
            error.to_string(),
            format!(
                "{shown}: holds keys and its mode {mode:04o} opens it to others; run \
                 `chmod 600 {shown}`, and replace the keys if others may have read them \
                 [CREDENTIALS_OPEN]\nnothing was started; correct the above, or move the file away"
            )
        );
    }
    for mode in [0o600, 0o400] {
        home.write("credentials.json", r#"{"openai": "sk-5ecret"}"#, mode);
        assert!(home.load(&Environment::default()).is_ok(), "{mode:o}");
    }
}

#[test]
fn what_is_wrong_is_told_without_a_name_or_a_value_of_the_file() {
    let secret = "sk-5ecret";
    let home = Home::new(&json!([]), "{}");
    for (text, expected) in [
        (format!(r#"["{secret}"]"#), code::BAD_CREDENTIALS),
        (format!(r#""{secret}""#), code::BAD_CREDENTIALS),
        (format!(r#"{{"{secret}": "#), code::BAD_CREDENTIALS),
        (
            format!(r#"{{"openai": ["{secret}"]}}"#),
            code::BAD_CREDENTIALS,
        ),
        (
            format!(r#"{{"openai": "{secret} x"}}"#),
            code::BAD_CREDENTIALS,
        ),
        (r#"{"openai": ""}"#.to_owned(), code::BAD_CREDENTIALS),
        (String::new(), code::BAD_CREDENTIALS),
        (
            format!(r#"{{"{secret}": "openai"}}"#),
            code::UNKNOWN_CREDENTIAL,
        ),
        (
            format!(r#"{{"OpenAI": "{secret}"}}"#),
            code::UNKNOWN_CREDENTIAL,
        ),
    ] {
        home.write("credentials.json", &text, 0o600);
        let problems = match home.load(&Environment::default()) {
            Ok(loaded) => loaded.warnings,
            Err(error) => {
                assert!(!error.to_string().contains(secret), "{error}");
                error.problems
            }
        };
        assert_eq!(problems.len(), 1, "{text}: {problems:#?}");
        assert_eq!(problems[0].code, expected, "{text}");
        assert!(!format!("{problems:?}").contains(secret), "{problems:#?}");
    }
}

#[test]
fn credentials_of_systemd_stand_in_place_of_those_at_home() {
    let models = json!([{"id": "a", "provider": "openai"}]);
    let home = Home::new(&models, r#"{"openai": "sk-home"}"#);
    let systemd = Home(tempfile::tempdir().unwrap());
    let env = Environment::from_iter([("CREDENTIALS_DIRECTORY", systemd.0.path())]);
    assert_eq!(home.keys(&env), [Some("sk-home".to_owned())]);
    // Read by a group, as systemd has it for services of other users.
    systemd.write("credentials.json", r#"{"openai": "sk-systemd"}"#, 0o440);
    assert_eq!(home.keys(&env), [Some("sk-systemd".to_owned())]);
    systemd.write("credentials.json", r#"{"openai": "sk-systemd"}"#, 0o444);
    let error = home.load(&env).unwrap_err();
    assert_eq!(error.problems[0].code, code::CREDENTIALS_OPEN);
}

#[test]
fn a_link_to_nowhere_is_not_skipped() {
    let home = Home::new(&json!([]), "{}");
    let path = home.0.path().join("credentials.json");
    fs_err::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(Path::new("/nowhere"), &path).unwrap();
    let error = home.load(&Environment::default()).unwrap_err();
    assert_eq!(error.problems[0].code, code::FILE_NOT_FOUND);
}
