//! One case for every code: what brings it about, where, and how bad it is.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::problem::code::*;
use crate::{Environment, FileTrust};

use super::said;

/// Text, code, `E` for an error or `W` for a warning, path.
const CASES: &[(&str, &str, char, &str)] = &[
    ("", EMPTY_FILE, 'E', ""),
    (" \n\u{feff}", INVALID_JSON, 'E', ""),
    ("\u{feff} \n", EMPTY_FILE, 'E', ""),
    ("{", INVALID_JSON, 'E', ""),
    (r#"{"port": 1,}"#, INVALID_JSON, 'E', ""),
    ("{} {}", INVALID_JSON, 'E', ""),
    ("[]", NOT_AN_OBJECT, 'E', ""),
    ("8019", NOT_AN_OBJECT, 'E', ""),
    (r#"{"port": 1, "port": 2}"#, DUPLICATE_KEY, 'E', "port"),
    (r#"{"port": 1, "p\u006frt": 2}"#, DUPLICATE_KEY, 'E', "port"),
    (
        r#"{"models": [{"id": "a", "id": "b"}]}"#,
        DUPLICATE_KEY,
        'E',
        "models[0].id",
    ),
    (r#"{"prot": 1}"#, UNKNOWN_KEY, 'E', "prot"),
    (
        r#"{"server": {"a b": 1}}"#,
        UNKNOWN_KEY,
        'E',
        r#"server["a b"]"#,
    ),
    (r#"{"models": [{}]}"#, MISSING_KEY, 'E', "models[0].id"),
    (
        r#"{"models": [{"id": null}]}"#,
        MISSING_KEY,
        'E',
        "models[0].id",
    ),
    (
        r#"{"runtimes": [{"name": "r"}]}"#,
        MISSING_KEY,
        'E',
        "runtimes[0].command",
    ),
    (r#"{"port": "1"}"#, WRONG_TYPE, 'E', "port"),
    (r#"{"models": {}}"#, WRONG_TYPE, 'E', "models"),
    (
        r#"{"models": [{"id": "a", "aliases": ["x", 1]}]}"#,
        WRONG_TYPE,
        'E',
        "models[0].aliases[1]",
    ),
    (
        r#"{"models": [{"id": "a", "headers": {"x": 1}}]}"#,
        WRONG_TYPE,
        'E',
        "models[0].headers.x",
    ),
    (r#"{"port": 65536}"#, OUT_OF_RANGE, 'E', "port"),
    (r#"{"port": -1}"#, OUT_OF_RANGE, 'E', "port"),
    (r#"{"port": 80.5}"#, OUT_OF_RANGE, 'E', "port"),
    (r#"{"port": 1e999}"#, INVALID_JSON, 'E', ""),
    (
        r#"{"middleware": {"sloTargetPercent": 101}}"#,
        OUT_OF_RANGE,
        'E',
        "middleware.sloTargetPercent",
    ),
    (r#"{"logLevel": "loud"}"#, UNKNOWN_VALUE, 'E', "logLevel"),
    (
        r#"{"skillInjection": true}"#,
        NOT_IN_EFFECT,
        'W',
        "skillInjection",
    ),
    (
        r#"{"configVersion": 99}"#,
        NEWER_CONFIG,
        'E',
        "configVersion",
    ),
    (
        r#"{"configVersion": 8, "backends": []}"#,
        OLD_KEY,
        'E',
        "backends",
    ),
    (
        r#"{"adminToken": "sk-1"}"#,
        NOT_CARRIED_OVER,
        'W',
        "adminToken",
    ),
    (r#"{"models": [{"id": ""}]}"#, BAD_NAME, 'E', "models[0].id"),
    (
        r#"{"models": [{"id": "a "}]}"#,
        BAD_NAME,
        'E',
        "models[0].id",
    ),
    (
        r#"{"models": [{"id": "a\u0000"}]}"#,
        BAD_NAME,
        'E',
        "models[0].id",
    ),
    (
        r#"{"runtimes": [{"name": "R 1", "command": "c"}]}"#,
        BAD_NAME,
        'E',
        "runtimes[0].name",
    ),
    (r#"{"host": "0.0.0.0"}"#, BAD_HOST, 'E', "host"),
    (r#"{"host": "::"}"#, BAD_HOST, 'E', "host"),
    (r#"{"host": "example.com"}"#, BAD_HOST, 'E', "host"),
    (
        r#"{"host": "0.0.0.0", "server": {"allowRemote": true}, "auth": {"data": "token"}}"#,
        REMOTE_WITHOUT_TOKEN,
        'E',
        "auth.inference",
    ),
    (
        r#"{"host": "::", "server": {"allowRemote": true},
            "auth": {"inference": "token", "data": "none"}}"#,
        REMOTE_WITHOUT_TOKEN,
        'E',
        "auth.data",
    ),
    (
        r#"{"server": {"allowedHosts": ["owl.lan", "http://owl.lan"]}}"#,
        BAD_ALLOWED_HOST,
        'E',
        "server.allowedHosts[1]",
    ),
    (
        r#"{"server": {"allowedOrigins": ["null"]}}"#,
        BAD_ALLOWED_ORIGIN,
        'E',
        "server.allowedOrigins[0]",
    ),
    (
        r#"{"auth": {"inference": "none"}}"#,
        NO_AUTH,
        'W',
        "auth.inference",
    ),
    (r#"{"routerUrl": "h:1"}"#, BAD_ENDPOINT, 'E', "routerUrl"),
    (
        r#"{"discovery": {"endpoints": ["http://h", "x"]}}"#,
        BAD_ENDPOINT,
        'E',
        "discovery.endpoints[1]",
    ),
    (
        r#"{"models": [{"id": "a", "endpoint": "http://k@h"}]}"#,
        BAD_ENDPOINT,
        'E',
        "models[0].endpoint",
    ),
    (
        r#"{"models": [{"id": "a", "headers": {"Host": "x"}}]}"#,
        BAD_HEADER,
        'E',
        "models[0].headers.Host",
    ),
    (
        r#"{"models": [{"id": "a", "headers": {"a b": "x"}}]}"#,
        BAD_HEADER,
        'E',
        r#"models[0].headers["a b"]"#,
    ),
    (
        r#"{"models": [{"id": "a", "headers": {"a": "x\r\nb: c"}}]}"#,
        BAD_HEADER,
        'E',
        "models[0].headers.a",
    ),
    (
        r#"{"models": [{"id": "a", "headers": {"X-A": "1", "x-a": "2"}}]}"#,
        BAD_HEADER,
        'E',
        "models[0].headers.x-a",
    ),
    (
        r#"{"models": [{"id": "a", "apiKey": "sk 1\n"}]}"#,
        BAD_KEY,
        'E',
        "models[0].apiKey",
    ),
    (
        r#"{"models": [{"id": "a", "apiKeyEnv": "NOT_TEXT"}]}"#,
        BAD_KEY,
        'E',
        "models[0].apiKeyEnv",
    ),
    (
        r#"{"models": [{"id": "a", "apiKeyEnv": "sk-1"}]}"#,
        BAD_VARIABLE_NAME,
        'E',
        "models[0].apiKeyEnv",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "env": {"A=B": "{port}"}}]}"#,
        BAD_VARIABLE_NAME,
        'E',
        r#"runtimes[0].env["A=B"]"#,
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "./c"}]}"#,
        BAD_COMMAND,
        'E',
        "runtimes[0].command",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": " "}]}"#,
        BAD_COMMAND,
        'E',
        "runtimes[0].command",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "args": ["\u0000"]}]}"#,
        BAD_COMMAND,
        'E',
        "runtimes[0].args[0]",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "readyPath": "health"}]}"#,
        BAD_READY_PATH,
        'E',
        "runtimes[0].readyPath",
    ),
    (
        r#"{"models": [{"id": "a", "apiKeyEnv": "UNSET"}]}"#,
        MISSING_KEY_VARIABLE,
        'W',
        "models[0].apiKeyEnv",
    ),
    (
        r#"{"models": [{"id": "a", "apiKey": "k", "apiKeyEnv": "SET"}]}"#,
        KEY_GIVEN_TWICE,
        'W',
        "models[0].apiKeyEnv",
    ),
    (
        r#"{"models": [{"id": "a", "apiKey": "k", "endpoint": "http://10.0.0.1"}]}"#,
        KEY_OVER_HTTP,
        'W',
        "models[0].endpoint",
    ),
    (
        r#"{"models": [{"id": "a", "apiKey": "k"}]}"#,
        KEY_FILE_READABLE,
        'W',
        "",
    ),
    (
        r#"{"models": [{"id": "a"}, {"id": "a"}]}"#,
        DUPLICATE_ID,
        'E',
        "models[1].id",
    ),
    (
        r#"{"models": [{"id": "a", "aliases": ["x"]}, {"id": "b", "aliases": ["x"]}]}"#,
        DUPLICATE_ALIAS,
        'E',
        "models[1].aliases[0]",
    ),
    (
        r#"{"models": [{"id": "a", "aliases": ["b"]}, {"id": "b"}]}"#,
        ALIAS_IS_ID,
        'E',
        "models[0].aliases[0]",
    ),
    (
        r#"{"models": [{"id": "a", "default": true}, {"id": "b", "default": true}]}"#,
        TWO_DEFAULTS,
        'E',
        "models[1].default",
    ),
    (r#"{"models": [{"id": "a"}]}"#, NO_DEFAULT, 'W', "models"),
    (
        r#"{"models": [{"id": "a", "tier": "quick"}]}"#,
        UNKNOWN_TIER,
        'W',
        "models[0].tier",
    ),
    (
        r#"{"discovery": {"enabled": false}}"#,
        NO_MODELS,
        'W',
        "models",
    ),
    (
        r#"{"discovery": {"endpoints": []}}"#,
        NO_MODELS,
        'W',
        "models",
    ),
    (
        r#"{"routerUrl": "http://localhost:8019"}"#,
        PORT_CONFLICT,
        'E',
        "routerUrl",
    ),
    (
        r#"{"port": 8009, "models": [{"id": "a"}]}"#,
        PORT_CONFLICT,
        'E',
        "models[0]",
    ),
    (
        r#"{"port": 9, "models": [{"id": "a", "endpoint": "http://127.0.0.1:9/v1"}]}"#,
        PORT_CONFLICT,
        'E',
        "models[0].endpoint",
    ),
    (
        r#"{"discovery": {"endpoints": ["http://127.0.0.1:8019"]}}"#,
        PORT_CONFLICT,
        'E',
        "discovery.endpoints[0]",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "port": 8019}]}"#,
        PORT_CONFLICT,
        'E',
        "runtimes[0].port",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "port": 7},
            {"name": "s", "command": "c", "port": 7}]}"#,
        PORT_CONFLICT,
        'E',
        "runtimes[1].port",
    ),
    (
        r#"{"models": [{"id": "a"}]}"#,
        NO_ENDPOINT,
        'W',
        "models[0]",
    ),
    (
        r#"{"models": [{"id": "a", "endpoint": "http://h", "runtime": "r"}]}"#,
        ENDPOINT_AND_RUNTIME,
        'E',
        "models[0]",
    ),
    (
        r#"{"models": [{"id": "a", "provider": "OpenRouter"}]}"#,
        UNKNOWN_PROVIDER,
        'E',
        "models[0].provider",
    ),
    (
        r#"{"models": [{"id": "a", "provider": "ollama", "runtime": "r"}]}"#,
        PROVIDER_AND_RUNTIME,
        'E',
        "models[0]",
    ),
    (
        r#"{"models": [{"id": "a", "provider": "openai", "protocol": "anthropic"}]}"#,
        PROVIDER_PROTOCOL,
        'E',
        "models[0].protocol",
    ),
    (
        r#"{"models": [{"id": "a", "provider": "mimo", "backendModel": "MiMo-V2.5-Pro"}]}"#,
        MODEL_NAME_CASE,
        'W',
        "models[0]",
    ),
    (
        r#"{"models": [{"id": "a", "provider": "openrouter"}]}"#,
        NO_KEY,
        'W',
        "models[0].provider",
    ),
    (
        r#"{"models": [{"id": "a", "runtime": "r"}]}"#,
        UNKNOWN_RUNTIME,
        'E',
        "models[0].runtime",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c"}, {"name": "r", "command": "c"}]}"#,
        DUPLICATE_RUNTIME,
        'E',
        "runtimes[1].name",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "args": ["-p", "80"]}]}"#,
        MISSING_PORT_PLACEHOLDER,
        'E',
        "runtimes[0].args",
    ),
    (
        r#"{"runtimes": [{"name": "r", "command": "c", "args": ["{port}"]}]}"#,
        UNTRUSTED_FILE,
        'E',
        "runtimes",
    ),
];

/// Codes of what is wrong with a file before there is a text, with the files of keys and of a
/// router's models, and of a list that is too long.
const CASES_ELSEWHERE: &[&str] = &[
    FILE_NOT_FOUND,
    FILE_UNREADABLE,
    NOT_A_FILE,
    FILE_TOO_LARGE,
    NOT_UTF8,
    MORE_PROBLEMS,
    CREDENTIALS_OPEN,
    BAD_CREDENTIALS,
    UNKNOWN_CREDENTIAL,
    BAD_CATALOG,
    UNKNOWN_CHANNEL,
    UNKNOWN_TARGET,
];

#[test]
fn each_situation_has_its_code_its_place_and_its_weight() {
    let env = Environment::from_iter([
        (OsString::from("SET"), OsString::from("sk-1")),
        (OsString::from("NOT_TEXT"), OsString::from_vec(vec![0xff])),
    ]);
    let trust = FileTrust {
        distrust: Some("anyone may change it".to_owned()),
        is_readable_by_others: true,
    };
    for (text, code, weight, path) in CASES {
        let problems = said(text, &env, &trust);
        let found = problems.iter().find(|problem| {
            let severity = if *weight == 'E' { "Error" } else { "Warning" };
            problem.code == *code
                && problem.path == *path
                && format!("{:?}", problem.severity) == severity
        });
        assert!(found.is_some(), "{code} in {text}: {problems:#?}");
    }
}

#[test]
fn every_code_has_a_case() {
    let covered: BTreeSet<_> = CASES
        .iter()
        .map(|(_, code, ..)| *code)
        .chain(CASES_ELSEWHERE.iter().copied())
        .collect();
    let all: BTreeSet<_> = ALL.iter().copied().collect();
    assert_eq!(covered, all);
}

#[test]
fn bad_variables_are_problems_with_their_name_as_the_place() {
    let cases = [
        ("OWLCODA_PORT", "http", OUT_OF_RANGE),
        ("OWLCODA_PORT", "65536", OUT_OF_RANGE),
        ("OWLCODA_LOG_LEVEL", "loud", UNKNOWN_VALUE),
        ("OWLCODA_ROUTER_URL", "h:1", BAD_ENDPOINT),
        ("OWLCODA_LOCAL_RUNTIME_PROTOCOL", "soap", UNKNOWN_VALUE),
    ];
    for (name, value, code) in cases {
        let env = Environment::from_iter([(name, value)]);
        let problems = said("{}", &env, &FileTrust::FULL);
        assert_eq!(problems.len(), 1, "{name}={value}: {problems:?}");
        assert_eq!((problems[0].code, problems[0].path.as_str()), (code, name));
        assert_eq!(problems[0].line, None, "{name}={value}");
    }
    let env = Environment::from_iter([("OWLCODA_PORT", OsString::from_vec(vec![0xff]))]);
    assert_eq!(said("{}", &env, &FileTrust::FULL)[0].code, NOT_UTF8);
}

#[test]
fn one_cause_is_reported_once() {
    let cases = [
        (
            r#"{"routerUrl": "http://127.0.0.1:8019",
                "models": [{"id": "a", "default": true}, {"id": "b"}]}"#,
            1,
        ),
        (
            r#"{"models": [{"id": "a", "default": true, "endpoint": "http://localhost:8019"}]}"#,
            1,
        ),
        (
            r#"{"models": [{"id": 7, "default": true, "endpoint": 7}]}"#,
            2,
        ),
        (
            r#"{"models": [{"id": "a", "default": true, "endpoint": "x"}]}"#,
            1,
        ),
        (
            r#"{"runtimes": [{"name": "r", "command": 7, "args": [7]}]}"#,
            2,
        ),
        (r#"{"port": 80, "port": "x"}"#, 2),
    ];
    for (text, n_expected) in cases {
        let problems = said(text, &Environment::default(), &FileTrust::FULL);
        assert_eq!(problems.len(), n_expected, "{text}: {problems:#?}");
    }
}

#[test]
fn a_syntax_error_names_line_and_column_once() {
    let problems = said(
        "{\n  \"port\": 1,\n}",
        &Environment::default(),
        &FileTrust::FULL,
    );
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].line, Some(3));
    assert_eq!(
        problems[0].message,
        "is not valid JSON: trailing comma, column 1"
    );
}

#[test]
fn an_unknown_key_comes_with_the_key_that_was_meant() {
    let text = r#"{"models": [{"id": "a", "endpiont": "http://h"}]}"#;
    let problems = said(text, &Environment::default(), &FileTrust::FULL);
    assert_eq!(
        problems[0].to_string(),
        "models[0].endpiont: is not a known key; did you mean `endpoint`? [UNKNOWN_KEY]"
    );
}

#[test]
fn a_long_list_of_problems_is_cut_and_counted() {
    let keys: Vec<_> = (0..1000).map(|idx| format!("\"odd{idx}\": 1")).collect();
    let text = format!("{{{}}}", keys.join(","));
    let problems = said(&text, &Environment::default(), &FileTrust::FULL);
    assert_eq!(problems.len(), 101);
    let last = &problems[100];
    assert_eq!(
        (last.code, last.message.as_str()),
        (MORE_PROBLEMS, "and 900 more of the kind")
    );
}

#[test]
fn a_list_of_models_beyond_all_measure_is_refused_as_one_problem() {
    let text_of = |n_models| format!("{{\"models\": [{}]}}", vec!["{}"; n_models].join(","));
    let problems = said(&text_of(4097), &Environment::default(), &FileTrust::FULL);
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].code, problems[0].path.as_str()),
        (OUT_OF_RANGE, "models")
    );
    let problems = said(&text_of(4096), &Environment::default(), &FileTrust::FULL);
    assert_eq!(problems[0].code, MISSING_KEY);
}
