//! What may lie at the place of the control socket, and what a start makes of it.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener as StdListener;

use super::*;

/// Somebody else's directory.
const NOBODY: u32 = 65_534;

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    getuid().is_root()
}

async fn bound(path: &Path) -> Result<ControlSocket, String> {
    let bound = ControlSocket::bind(path, Access::of_owner()).await;
    bound.map_err(|error| format!("{}: {error}", error.code()))
}

/// Makes what is there before the start, at the given path.
type Make = fn(&Path);

#[tokio::test]
async fn a_directory_that_others_could_use_is_refused_with_what_is_wrong_and_the_way_out() {
    let cases: [(&str, Make, &str); 9] = [
        ("missing", |_| {}, ""),
        ("ours alone", |dir| made(dir, 0o700), ""),
        ("to look into", |dir| made(dir, 0o755), ""),
        ("a group's", |dir| made(dir, 0o770), "has mode 0770"),
        ("everybody's", |dir| made(dir, 0o777), "has mode 0777"),
        ("as /tmp", |dir| made(dir, 0o1777), "has mode 0777"),
        (
            "a link to a good one",
            |dir| {
                let real = dir.with_file_name("real");
                made(&real, 0o700);
                symlink(real, dir).unwrap();
            },
            "is a symbolic link",
        ),
        (
            "a link to nothing",
            |dir| symlink("/nonexistent", dir).unwrap(),
            "is a symbolic link",
        ),
        (
            "a file",
            |dir| fs_err::write(dir, "").unwrap(),
            "is not a directory",
        ),
    ];
    for (label, make, why) in cases {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("run");
        make(&dir);
        let path = dir.join("control.sock");
        let outcome = bound(&path).await;
        if why.is_empty() {
            let socket = outcome.unwrap_or_else(|error| panic!("{label}: {error}"));
            assert_eq!(mode(&path), 0o600, "{label}");
            if label == "missing" {
                assert_eq!(mode(&dir), 0o700, "{label}");
            }
            drop(socket);
            assert!(!path.exists(), "{label}: it goes with its daemon");
            continue;
        }
        let error = outcome.unwrap_err();
        assert!(error.starts_with("invalid_config: "), "{label}: {error}");
        let named = format!("`{}`, {why}: ", dir.display());
        for words in [&*named, "make it yours with mode 0700", "--socket PATH"] {
            assert!(error.contains(words), "{label}: {words} in {error}");
        }
    }
}

fn made(dir: &Path, mode: u32) {
    fs_err::create_dir(dir).unwrap();
    set_mode(dir, mode);
}

#[tokio::test]
async fn somebody_else_s_directory_is_refused_and_named() {
    if !is_root() {
        let mut stderr = io::stderr();
        writeln!(
            stderr,
            "!!! socket: SKIPPED: only root can give a directory away"
        )
        .unwrap();
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("run");
    made(&dir, 0o700);
    std::os::unix::fs::chown(&dir, Some(NOBODY), None).unwrap();
    let error = bound(&dir.join("s")).await.unwrap_err();
    assert!(error.contains("belongs to user 65534"), "{error}");
    // A service of the machine may have root's directory, and no other user's either.
    let error = ControlSocket::bind(&dir.join("s"), Access::of_groups()).await;
    assert!(error.unwrap_err().to_string().contains("belongs to user"));
}

#[cfg(target_os = "linux")]
fn made_pipe(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
}

/// Another file that is no socket: pipes are made in another way elsewhere.
#[cfg(not(target_os = "linux"))]
fn made_pipe(path: &Path) {
    fs_err::write(path, "").unwrap();
}

#[tokio::test]
async fn only_a_dead_daemon_s_socket_is_replaced_and_everything_else_stays() {
    let in_use = "busy: another daemon listens on";
    let in_the_way = "invalid_config: ";
    let cases: [(&str, Make, &str); 7] = [
        ("nothing", |_| {}, ""),
        (
            "a dead daemon's",
            |path| drop(StdListener::bind(path).unwrap()),
            "",
        ),
        (
            "a file",
            |path| fs_err::write(path, "kept").unwrap(),
            in_the_way,
        ),
        (
            "a directory",
            |path| fs_err::create_dir(path).unwrap(),
            in_the_way,
        ),
        ("a pipe", made_pipe, in_the_way),
        (
            "a link to a file",
            |path| {
                let precious = path.with_file_name("precious");
                fs_err::write(&precious, "kept").unwrap();
                symlink(precious, path).unwrap();
            },
            in_the_way,
        ),
        (
            "a link to a dead daemon's socket",
            |path| {
                let dead = path.with_file_name("dead");
                drop(StdListener::bind(&dead).unwrap());
                symlink(dead, path).unwrap();
            },
            in_the_way,
        ),
    ];
    for (label, make, begin) in cases {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("control.sock");
        make(&path);
        let before = fs_err::symlink_metadata(&path).map(|it| it.ino()).ok();
        let outcome = bound(&path).await;
        if begin.is_empty() {
            assert!(outcome.is_ok(), "{label}: {outcome:?}");
            assert_eq!(mode(&path), 0o600, "{label}");
            continue;
        }
        let error = outcome.unwrap_err();
        assert!(error.starts_with(begin), "{label}: {error}");
        assert!(
            error.contains("is not a socket; move it"),
            "{label}: {error}"
        );
        let after = fs_err::symlink_metadata(&path).map(|it| it.ino()).ok();
        assert_eq!(after, before, "{label}");
    }

    // Who lives keeps the socket, also who is too busy to answer.
    for is_busy in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("control.sock");
        let living = StdListener::bind(&path).unwrap();
        let mut waiting = Vec::new();
        if is_busy {
            rustix::net::listen(&living, 0).unwrap();
            while let Ok(Ok(stream)) =
                tokio::time::timeout(Duration::from_secs(5), UnixStream::connect(&path)).await
            {
                waiting.push(stream);
                assert!(waiting.len() < 64, "the queue is never full");
            }
        }
        let before = fs_err::symlink_metadata(&path).unwrap().ino();
        let error = bound(&path).await.unwrap_err();
        assert!(error.starts_with(in_use), "{is_busy}: {error}");
        assert!(error.contains("--socket PATH"), "{error}");
        assert_eq!(fs_err::symlink_metadata(&path).unwrap().ino(), before);
    }
}

#[tokio::test]
async fn a_file_that_is_no_longer_ours_is_left_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("control.sock");
    let socket = bound(&path).await.unwrap();
    fs_err::remove_file(&path).unwrap();
    let _another = StdListener::bind(&path).unwrap();
    drop(socket);
    assert!(path.exists(), "another daemon's");
}
