//! Files that are meant to hurt, before every verb that reads them. None may hang, crash or be
//! believed.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::Home;

/// Every verb that reads the configuration.
const VERBS: [&[&str]; 6] = [
    &["validate"],
    &["doctor"],
    &["serve", "--dry-run"],
    &["config", "show"],
    &["config", "export"],
    &["config", "migrate"],
];

/// Runs every verb; each must refuse with `code`. `doctor` says that something fails.
async fn refused(home: &Home, code: &str) {
    for verb in VERBS {
        let ended = home.run(verb).await;
        let expected = if verb == ["doctor"] { 1 } else { 78 };
        assert_eq!(ended.status, Some(expected), "{verb:?} {code}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(code), "{verb:?} {code}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_configuration_is_refused_by_every_verb() {
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let nested = format!("{{\"a\": {deep}}}");
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(4 << 20));
    for (text, code) in [
        ("", "EMPTY_FILE"),
        ("{\"port\": 80", "INVALID_JSON"),
        (nested.as_str(), "INVALID_JSON"),
        (large.as_str(), "FILE_TOO_LARGE"),
        (r#"{"port": 1, "port": 2}"#, "DUPLICATE_KEY"),
        ("[{}]", "NOT_AN_OBJECT"),
        (r#"{"configVersion": 1000}"#, "NEWER_CONFIG"),
    ] {
        refused(&Home::with(text), code).await;
    }
    let home = Home::empty();
    fs_err::write(home.config(), [0xff, 0xfe, 0]).unwrap();
    refused(&home, "NOT_UTF8").await;
}

#[tokio::test]
async fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    let home = Home::empty();
    fs_err::create_dir(home.config()).unwrap();
    refused(&home, "NOT_A_FILE").await;

    #[cfg(target_os = "linux")]
    {
        let home = Home::empty();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            home.config(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_bits_truncate(0o600),
            0,
        )
        .unwrap();
        refused(&home, "NOT_A_FILE").await;
    }

    let home = Home::empty();
    symlink("/dev/zero", home.config()).unwrap();
    refused(&home, "NOT_A_FILE").await;

    let home = Home::empty();
    symlink("nowhere", home.config()).unwrap();
    refused(&home, "FILE_NOT_FOUND").await;

    let home = Home::empty();
    symlink("config.json", home.config()).unwrap();
    refused(&home, "FILE_UNREADABLE").await;
}

#[tokio::test]
async fn programs_of_a_file_that_others_may_change_are_not_taken() {
    let home = Home::with(
        r#"{"configVersion": 8, "runtimes": [{"name": "r", "command": "true", "args": ["{port}"]}]}"#,
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs_err::set_permissions(home.config(), open).unwrap();
    for verb in [&["validate"][..], &["config", "show"]] {
        let ended = home.run(verb).await;
        assert_eq!(ended.status, Some(78), "{ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("UNTRUSTED_FILE"), "{said}");
    }
    if rustix::process::geteuid().is_root() {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(home.config(), closed).unwrap();
        assert_eq!(home.run(&["validate"]).await.status, Some(0));
        std::os::unix::fs::chown(home.config(), Some(54_321), None).unwrap();
        let ended = home.run(&["validate"]).await;
        assert_eq!(ended.status, Some(78), "{ended:?}");
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_read_says_so() {
    let home = Home::with("{}");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs_err::set_permissions(home.config(), closed).unwrap();
    let ended = home.run(&["validate"]).await;
    if rustix::process::geteuid().is_root() {
        assert_eq!(ended.status, Some(0), "root reads everything: {ended:?}");
    } else {
        assert_eq!(ended.status, Some(78));
        assert!(ended.stdout.contains("FILE_UNREADABLE"), "{ended:?}");
    }
}

#[tokio::test]
async fn init_replaces_neither_a_directory_nor_what_a_link_leads_out_to() {
    let home = Home::empty();
    fs_err::create_dir(home.config()).unwrap();
    let ended = home.run(&["init"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--force"), "{ended:?}");
    assert!(Path::new(&home.config()).is_dir());
}
