//! Finding and reading real files, and the error that a person sees.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{
    Config, ConfigError, Environment, FileTrust, Found, Source, code, find, load, stray_notice,
};

fn write(directory: &tempfile::TempDir, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = directory.path().join("config.json");
    fs_err::write(&path, content).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn load_path(path: &Path) -> Result<crate::Loaded, ConfigError> {
    let source = Source {
        path: Some(path.to_path_buf()),
        credentials: None,
        ..Source::default()
    };
    load(&source, &Environment::default())
}

const WITH_RUNTIME: &str = r#"{"runtimes": [{"name": "r", "command": "c", "args": ["{port}"]}]}"#;

#[test]
fn without_a_file_the_defaults_and_the_environment_hold() {
    let loaded = load(&Source::default(), &Environment::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    let env = Environment::from_iter([("OWLCODA_PORT", "x")]);
    let error = load(&Source::default(), &env).unwrap_err();
    assert_eq!(
        error.to_string(),
        "OWLCODA_PORT: must be a whole number from 0 to 65535 [OUT_OF_RANGE]\n\
         nothing was started; correct or unset the above"
    );
}

#[test]
fn the_flag_wins_then_the_home_then_nothing() {
    let home = tempfile::tempdir().unwrap();
    let none = Found::default();
    assert_eq!(find(None, home.path()), none);
    let missing = Path::new("/nowhere/config.json");
    let asked = Found {
        path: Some(missing.to_path_buf()),
        must_exist: true,
    };
    assert_eq!(find(Some(missing), home.path()), asked);
    let path = write(&home, "{}", 0o600);
    let found = Found {
        path: Some(path.clone()),
        must_exist: false,
    };
    assert_eq!(find(None, home.path()), found);
    fs_err::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/nowhere", &path).unwrap();
    assert_eq!(
        find(None, home.path()),
        found,
        "a dangling link is not skipped"
    );
    assert_eq!(
        load_path(&path).unwrap_err().problems[0].code,
        code::FILE_NOT_FOUND
    );
}

#[test]
fn a_file_in_the_working_directory_is_mentioned_and_not_read() {
    let home = tempfile::tempdir().unwrap();
    let cwd = tempfile::tempdir().unwrap();
    let found = find(None, home.path());
    assert_eq!(stray_notice(cwd.path(), &found), None, "there is none");
    let stray = write(&cwd, "{}", 0o600);
    let notice = stray_notice(cwd.path(), &found).unwrap();
    assert!(
        notice.contains("owlcodad serve --config ./config.json"),
        "{notice}"
    );
    let asked = find(Some(&stray), home.path());
    assert_eq!(stray_notice(cwd.path(), &asked), None, "a file was named");
    let same = find(None, cwd.path());
    assert_eq!(
        stray_notice(cwd.path(), &same),
        None,
        "it is the home's own"
    );
}

#[test]
fn what_cannot_be_read_as_text_is_said_plainly() {
    let directory = tempfile::tempdir().unwrap();
    let code_of = |path: &Path| {
        let problems = load_path(path).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        (problems[0].code, problems[0].line)
    };
    let missing = directory.path().join("missing.json");
    assert_eq!(code_of(&missing), (code::FILE_NOT_FOUND, None));
    assert_eq!(code_of(directory.path()), (code::NOT_A_FILE, None));
    assert_eq!(code_of(Path::new("/dev/null")), (code::NOT_A_FILE, None));
    let file = write(&directory, b"{\n\n\xff}", 0o600);
    assert_eq!(code_of(&file), (code::NOT_UTF8, Some(3)));
    assert_eq!(code_of(&file.join("below")), (code::FILE_UNREADABLE, None));
    write(&directory, vec![b' '; (4 << 20) + 1], 0o600);
    assert_eq!(code_of(&file), (code::FILE_TOO_LARGE, None));
    write(&directory, "", 0o600);
    assert_eq!(code_of(&file), (code::EMPTY_FILE, None));
    write(&directory, "\u{feff}{}", 0o600);
    assert_eq!(load_path(&file).unwrap().config, Config::default());
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(
        load_path(&path).unwrap_err().problems[0].code,
        code::NOT_A_FILE
    );
}

#[test]
fn programs_come_only_from_a_file_that_no_one_else_can_change() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, is_trusted) in [(0o600, true), (0o644, true), (0o620, false), (0o602, false)] {
        let path = write(&directory, WITH_RUNTIME, mode);
        match load_path(&path) {
            Ok(loaded) => {
                assert!(is_trusted, "{mode:o}");
                assert_eq!(loaded.config.runtimes.len(), 1);
            }
            Err(error) => {
                assert!(!is_trusted, "{mode:o}: {error}");
                let message = &error.problems[0].message;
                assert!(message.contains(&format!("{mode:04o}")), "{message}");
                let command = format!("chmod go-w {}", path.display());
                assert!(message.contains(&command), "{message}");
            }
        }
        write(&directory, "{}", mode);
        assert!(load_path(&path).is_ok(), "{mode:o}: no programs, no matter");
    }
}

#[test]
fn trust_follows_from_owner_and_mode() {
    let cases = [
        ("ours", 1000, 0o600, true, false),
        ("ours, read by all", 1000, 0o644, true, true),
        ("of root", 0, 0o644, true, true),
        ("of someone else", 1001, 0o600, false, false),
        ("ours, written by the group", 1000, 0o660, false, true),
        ("of root, written by all", 0, 0o666, false, true),
    ];
    for (label, owner, mode, is_trusted, is_readable) in cases {
        let trust = FileTrust::of_owner_and_mode(Path::new("/c.json"), owner, mode, 1000);
        assert_eq!(trust.distrust.is_none(), is_trusted, "{label}");
        assert_eq!(trust.is_readable_by_others, is_readable, "{label}");
    }
    let foreign = FileTrust::of_owner_and_mode(Path::new("/c.json"), 1001, 0o600, 1000);
    let reason = foreign.distrust.unwrap();
    assert!(
        reason.contains("user 1001") && reason.contains("chown 1000 /c.json"),
        "{reason}"
    );
}

#[test]
fn the_error_is_one_problem_a_line_and_ends_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(
        &directory,
        "{\n\"prot\": 1,\n\"skillInjection\": true,\n\"models\": [{\"endpoint\": \"h\"}]}",
        0o600,
    );
    let env = Environment::from_iter([("OWLCODA_PORT", "x")]);
    let error = load(
        &Source {
            path: Some(path.clone()),
            credentials: None,
            ..Source::default()
        },
        &env,
    )
    .unwrap_err();
    let shown = error
        .to_string()
        .replace(&path.display().to_string(), "config.json");
    assert_eq!(
        shown,
        "config.json:2: prot: is not a known key; did you mean `port`? [UNKNOWN_KEY]\n\
         config.json:4: models[0].id: is missing [MISSING_KEY]\n\
         config.json:4: models[0].endpoint: must be an absolute address that begins with \
         `http://` or `https://` [BAD_ENDPOINT]\n\
         OWLCODA_PORT: must be a whole number from 0 to 65535 [OUT_OF_RANGE]\n\
         config.json:3: warning: skillInjection: `skillInjection` is accepted but has no effect \
         in this version [NOT_IN_EFFECT]\n\
         nothing was started; correct the above, or name another file: \
         owlcodad serve --config FILE"
    );
    assert_eq!(error.code(), owlcoda_types::ErrorCode::InvalidConfig);
}
