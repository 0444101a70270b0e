//! `owlctl service`: the files of a service, written, compared and removed.

use std::path::Path;

use tempfile::TempDir;

use crate::owlctl;

/// Exit status, standard output, standard error of `owlctl service …` below `root`.
fn service(root: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let root_path = root.path().to_str().unwrap();
    let output = owlctl(
        root,
        &[&["service"], arguments, &["--root", root_path]].concat(),
    )
    .env("HOME", "/home/ada")
    .output()
    .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn unit(root: &TempDir) -> std::path::PathBuf {
    root.path()
        .join("home/ada/.config/systemd/user/owlcodad.service")
}

#[test]
fn a_service_is_installed_once_told_as_shipped_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let (status, text, _) = service(&root, &["status"]);
    assert_eq!(status, Some(0));
    assert_eq!(text.matches("absent").count(), 2, "{text}");

    let (status, text, stderr) = service(&root, &["install"]);
    assert_eq!(
        (status, text.matches("written").count()),
        (Some(0), 2),
        "{text}{stderr}"
    );
    let written = fs_err::read_to_string(unit(&root)).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_owlctl")).parent().unwrap();
    let start = format!("ExecStart={}/owlcodad serve\n", programs.display());
    assert!(
        written.contains(&start) && !written.contains("/usr/bin/owl"),
        "{written}"
    );

    let (status, text, _) = service(&root, &["install"]);
    assert_eq!(
        (status, text.matches("as shipped  -").count()),
        (Some(0), 2),
        "{text}"
    );
    let (_, document, _) = service(&root, &["status", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["kind"], "Service");
    assert_eq!(document["service"], "user");
    assert_eq!(document["is_installed"], true);
    assert_eq!(document["files"][0]["state"], "as_shipped");

    let (status, text, _) = service(&root, &["uninstall"]);
    assert_eq!(
        (status, text.matches("removed").count()),
        (Some(0), 2),
        "{text}"
    );
    assert!(!unit(&root).exists());
}

#[test]
fn a_file_that_was_edited_stays_unless_it_is_forced() {
    let root = tempfile::tempdir().unwrap();
    service(&root, &["install"]);
    fs_err::write(unit(&root), "[Service]\n").unwrap();
    for verb in ["install", "uninstall"] {
        let (status, text, stderr) = service(&root, &[verb]);
        assert_eq!(status, Some(1), "{verb}: {text}");
        assert!(
            text.contains("kept") && stderr.contains("--force"),
            "{text}{stderr}"
        );
        assert_eq!(fs_err::read_to_string(unit(&root)).unwrap(), "[Service]\n");
    }
    let (status, _, _) = service(&root, &["install", "--force"]);
    assert_eq!(status, Some(0));
    assert_ne!(fs_err::read_to_string(unit(&root)).unwrap(), "[Service]\n");
}

#[test]
fn printing_writes_nothing_and_every_kind_has_its_files() {
    let root = tempfile::tempdir().unwrap();
    for (kind, words) in [
        (
            "--user",
            &["# ", "Environment=OWLCODA_HOME=%h/.owlcoda"][..],
        ),
        (
            "--system",
            &[
                "owlcodad-control.socket",
                "u owlcoda -",
                "d /run/owlcoda",
                "User=owlcoda",
            ],
        ),
        (
            "--launchd",
            &[
                "LaunchAgents/dev.owlcoda.owlcodad.plist",
                "<key>KeepAlive</key>",
            ],
        ),
    ] {
        let (status, text, stderr) = service(&root, &["install", "--print", kind]);
        assert_eq!(status, Some(0), "{kind}: {stderr}");
        for word in words {
            assert!(text.contains(word), "{kind}: {word}: {text}");
        }
    }
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 0);
    let (status, _, _) = service(&root, &["install", "--user", "--system"]);
    assert_eq!(status, Some(2));
}
