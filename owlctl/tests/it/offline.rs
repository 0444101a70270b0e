//! The verbs that the daemon's program does: which program that is, and that what it says comes
//! through as it is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A copy of `owlctl` in a directory of its own, so that nothing is beside it.
fn alone() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("owlctl");
    // A link would lead back to the directory of the build.
    fs_err::copy(env!("CARGO_BIN_EXE_owlctl"), &program).unwrap();
    executable(&program);
    (directory, program)
}

fn executable(path: &Path) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// An `owlcodad` that says what it is asked and by whom, and ends with `status`.
fn fake(directory: &Path, name: &str, status: u8) {
    let path = directory.join("owlcodad");
    let script = format!("#!/bin/sh\necho \"{name}: $*\"\necho complaint >&2\nexit {status}\n");
    fs_err::write(&path, script).unwrap();
    executable(&path);
}

fn run(program: &Path, path: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program)
        .env_clear()
        .env("PATH", path)
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_program_beside_is_the_one_else_that_in_path() {
    let (beside, owlctl) = alone();
    let elsewhere = tempfile::tempdir().unwrap();
    fake(elsewhere.path(), "elsewhere", 78);
    // No home is known: none is needed.
    let outcome = run(&owlctl, elsewhere.path(), &["validate", "x", "--json"]);
    let said = (
        Some(78),
        "elsewhere: validate x --json\n".to_owned(),
        "complaint\n".to_owned(),
    );
    assert_eq!(outcome, said);
    fake(beside.path(), "beside", 1);
    let (status, stdout, _) = run(&owlctl, elsewhere.path(), &["doctor", "--home", "/h"]);
    assert_eq!(
        (status, stdout.as_str()),
        (Some(1), "beside: doctor --home=/h\n")
    );
}

#[test]
fn without_the_program_the_way_out_is_told() {
    let (_beside, owlctl) = alone();
    let nowhere = tempfile::tempdir().unwrap();
    for verb in [
        &["init"][..],
        &["validate"],
        &["doctor"],
        &["config", "show"],
        &["config", "export"],
        &["config", "migrate"],
    ] {
        let (status, stdout, stderr) = run(&owlctl, nowhere.path(), verb);
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{verb:?}");
        assert!(stderr.contains("no `owlcodad`"), "{stderr}");
        assert!(stderr.contains("PATH"), "{stderr}");
    }
}

#[test]
fn a_program_that_hangs_is_ended_at_the_limit() {
    let (beside, owlctl) = alone();
    let path = beside.path().join("owlcodad");
    fs_err::write(&path, "#!/bin/sh\nexec /bin/sleep 600\n").unwrap();
    executable(&path);
    let (status, _, stderr) = run(&owlctl, beside.path(), &["doctor", "--timeout", "1"]);
    assert_eq!(status, Some(124), "{stderr}");
}
