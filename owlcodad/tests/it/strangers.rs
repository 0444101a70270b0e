//! Other users of the machine: at the control socket, in its groups, and with the daemon's files. What
//! takes a second user runs as root alone, and says so where it does not.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use owlcoda_testkit::{TestDaemon, binary};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{Ended, ended, owlcodad, owlctl, program, run};
use crate::world::{assert_lives, daemon, metric, nothing, until, with};

/// A user that owns nothing of ours.
const NOBODY: u32 = 65_534;

/// Numbers that no group of this machine has.
const OBSERVERS: u32 = 61_990;
const ADMINS: u32 = 61_991;

/// Whether this test can be another user.
fn may_be_another() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped("it takes a second user, and so root");
    }
    is_root
}

/// Past the test's own capture of what is printed, so that it is seen where the test passes.
fn skipped(why: &str) {
    writeln!(std::io::stderr(), "!!! strangers: SKIPPED: {why}").unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Opens every directory on the way to `path` for others to go through.
fn let_others_through(path: &Path) {
    let temp_dir = std::env::temp_dir();
    let ours = path.ancestors().skip(1);
    for dir in ours.take_while(|dir| dir.starts_with(&temp_dir) && *dir != temp_dir) {
        set_mode(dir, 0o755);
    }
}

/// A copy of a program of ours where everybody finds it.
struct Shared {
    _dir: TempDir,
    path: PathBuf,
}

impl Shared {
    fn new(program: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(program.file_name().unwrap());
        fs_err::copy(program, &path).unwrap();
        set_mode(dir.path(), 0o755);
        set_mode(&path, 0o755);
        Self { _dir: dir, path }
    }

    /// As a user without any group.
    fn as_nobody(&self) -> Command {
        let mut command = program(&self.path);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    }

    /// As a user with these groups.
    fn in_groups(&self, groups: &[u32]) -> Command {
        let mut command = program(Path::new("/usr/bin/setpriv"));
        let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
        let groups = match &groups[..] {
            [] => "--clear-groups".to_owned(),
            groups => format!("--groups={}", groups.join(",")),
        };
        command
            .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")])
            .arg(groups)
            .arg(&self.path);
        command
    }
}

/// `owlctl` at this socket.
async fn asked(mut owlctl: Command, socket: &Path, arguments: &[&str]) -> Ended {
    owlctl.args(["--home", "/nonexistent", "--socket"]);
    owlctl.arg(socket).args(arguments);
    run(owlctl).await
}

/// What a connection that begins as HTTP/2 is told at `socket`.
async fn told(mut owlctl: Command, socket: &Path) -> Ended {
    owlctl.args(["--home", "/nonexistent", "--socket"]);
    owlctl.arg(socket).arg("proxy").stdin(Stdio::piped());
    let mut child = owlctl.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // Who is hung up on may be gone before it has said it all.
    let _ = stdin.write_all(begin).await;
    drop(stdin);
    ended(child).await
}

#[tokio::test]
async fn another_user_of_the_machine_is_hung_up_on_before_a_word_and_the_log_knows_who() {
    if !may_be_another() {
        return;
    }
    let daemon = daemon().config(nothing()).start().await;
    let owlctl_there = Shared::new(&binary("owlctl"));
    // As it comes its files keep others out.
    let kept_out = asked(owlctl_there.as_nobody(), daemon.socket(), &["status"]).await;
    assert_eq!(kept_out.status, Some(4), "{kept_out:?}");
    assert!(
        kept_out.stderr.contains("no permission to open"),
        "{kept_out:?}"
    );

    // So open that nothing but the daemon itself does.
    let_others_through(daemon.socket());
    set_mode(daemon.socket(), 0o666);
    let refused = asked(owlctl_there.as_nobody(), daemon.socket(), &["status"]).await;
    assert_eq!(refused.status, Some(69), "{refused:?}");
    let stranger = told(owlctl_there.as_nobody(), daemon.socket()).await;
    assert_eq!(stranger.stdout, "", "not even the settings of HTTP/2");
    let owner = told(program(&binary("owlctl")), daemon.socket()).await;
    assert!(owner.stdout.len() >= 9, "a frame of HTTP/2: {owner:?}");
    until("the log to tell of it", async || {
        let log = daemon.stderr();
        let mut lines = log.lines();
        let is_told = |line: &str| {
            line.contains("refused a control connection of user 65534")
                && line.contains("\"uid\":65534")
        };
        lines.any(is_told).then_some(())
    })
    .await;
    let series = "owlcoda_grpc_requests_total{method=\"connect\",code=\"PermissionDenied\"}";
    assert!(metric(&daemon, series).await >= 2.0);
    assert_eq!(owlctl(&daemon, &["status"]).await.status, Some(0));
}

/// A daemon of the machine for which `/etc/group` has our groups; none where there can be no such.
async fn of_the_machine(socket: &Path, dir: &Path) -> Option<TestDaemon> {
    let mut probe = program(Path::new("/usr/bin/unshare"));
    probe.args(["--mount", "true"]);
    let is_there = |path: &str| Path::new(path).exists();
    let can = is_there("/usr/bin/unshare")
        && is_there("/usr/bin/setpriv")
        && run(probe).await.status == Some(0);
    if !can {
        skipped("no unshare and setpriv here");
        return None;
    }
    let groups = dir.join("group");
    let text = format!("root:x:0:\nowlcoda:x:{OBSERVERS}:\nowlcoda-admin:x:{ADMINS}:\n");
    fs_err::write(&groups, text).unwrap();
    let script = dir.join("owlcodad");
    let text = format!(
        "#!/bin/sh\nexec /usr/bin/unshare --mount /bin/sh -c 'mount --bind {} /etc/group && exec \"$@\"' sh {} \"$@\"\n",
        groups.display(),
        owlcodad().display()
    );
    fs_err::write(&script, text).unwrap();
    set_mode(&script, 0o755);
    let quick = json!({"server": {"drainTimeoutMs": 1000}});
    let daemon = TestDaemon::builder()
        .bin(script)
        .config(with(nothing(), quick))
        .arg("--system")
        .arg("--socket")
        .arg(socket)
        .start()
        .await;
    Some(daemon)
}

#[tokio::test]
async fn who_is_in_which_group_may_look_or_do_everything_and_others_nothing() {
    if !may_be_another() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/control.sock");
    let Some(daemon) = of_the_machine(&socket, dir.path()).await else {
        return;
    };
    let_others_through(&socket);
    let metadata = fs_err::metadata(&socket).unwrap();
    let group = std::os::unix::fs::MetadataExt::gid(&metadata);
    assert_eq!(
        (metadata.permissions().mode() & 0o777, group),
        (0o660, OBSERVERS)
    );
    let owlctl_there = Shared::new(&binary("owlctl"));
    let looks: [&[&str]; 6] = [
        &["status"],
        &["version"],
        &["models"],
        &["audit"],
        &["metrics"],
        &["usage"],
    ];
    let changes: [&[&str]; 7] = [
        &["reload"],
        &["logs"],
        &["sessions"],
        &["token", "show"],
        &["clients"],
        &["cache", "clear"],
        &["stop", "--now"],
    ];
    for verb in looks.iter().chain(&changes) {
        let is_look = looks.contains(verb);
        let observer = asked(owlctl_there.in_groups(&[OBSERVERS]), &socket, verb).await;
        let expected = if is_look { Some(0) } else { Some(4) };
        assert_eq!(observer.status, expected, "{verb:?}: {observer:?}");
        if !is_look {
            assert_eq!(observer.stdout, "", "{verb:?}");
            assert!(
                observer.stderr.contains("`owlcoda-admin`"),
                "{verb:?}: {observer:?}"
            );
        }
        for groups in [&[][..], &[ADMINS + 1]] {
            let stranger = asked(owlctl_there.in_groups(groups), &socket, verb).await;
            assert_eq!(stranger.status, Some(4), "{verb:?}: {stranger:?}");
            assert!(
                stranger.stderr.contains("no permission to open"),
                "{stranger:?}"
            );
        }
    }
    // The file of the socket is open by mistake: the daemon still knows them.
    set_mode(&socket, 0o666);
    let stranger = told(owlctl_there.in_groups(&[ADMINS + 1]), &socket).await;
    assert_eq!(stranger.stdout, "");
    assert_lives(&daemon, daemon.pid()).await;
    for verb in changes {
        let admin = asked(owlctl_there.in_groups(&[OBSERVERS, ADMINS]), &socket, verb).await;
        assert_eq!(admin.status, Some(0), "{verb:?}: {admin:?}");
    }
}

#[tokio::test]
async fn a_second_daemon_with_a_home_of_its_own_does_not_take_the_socket_of_the_first() {
    let first = daemon().config(nothing()).start().await;
    let refused = daemon()
        .config(nothing())
        .arg("--socket")
        .arg(first.socket())
        .try_start()
        .await;
    let refused = refused.unwrap_err().to_string();
    for words in ["another daemon listens on", "--socket PATH", "75"] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let status = owlctl(&first, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["pid"], first.pid());
}

/// A start of `home` that is refused; its one line.
async fn refused(mut command: Command, home: &Path) -> String {
    command.args(["serve", "--home"]).arg(home);
    let refused = run(command).await;
    assert_eq!(
        (refused.status, &*refused.stdout),
        (Some(78), ""),
        "{refused:?}"
    );
    let said = refused.stderr;
    assert!(said.contains(&home.display().to_string()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn a_home_in_which_anybody_can_write_is_refused_with_its_mode_and_the_way_out() {
    for mode in [0o777, 0o1777, 0o702] {
        let home = tempfile::tempdir().unwrap();
        set_mode(home.path(), mode);
        let said = refused(program(&owlcodad()), home.path()).await;
        for words in [&*format!("{mode:04o}"), "mode 0700", "--home DIR"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let left = fs_err::read_dir(home.path()).unwrap().count();
        assert_eq!(left, usize::from(home.path().join("log").exists()));
    }
}

#[tokio::test]
async fn somebody_else_s_home_and_files_are_refused_and_named() {
    if !may_be_another() {
        return;
    }
    let there = Shared::new(&owlcodad());
    // Closed to us, or to look into and not to write.
    for mode in [0o700, 0o755] {
        let home = tempfile::tempdir().unwrap();
        set_mode(home.path(), mode);
        let said = refused(there.as_nobody(), home.path()).await;
        assert!(said.contains("ermission denied"), "{mode:o}: {said}");
    }
    // Ours, with a part that root left in it.
    for (name, is_dir, way_out) in [
        ("owlcodad.lock", false, "--home DIR"),
        ("store", true, "chown -R USER DIR"),
        ("auth", true, "remove it"),
        ("run", true, "make it yours with mode 0700"),
        ("config.json", false, "serve --config FILE"),
    ] {
        let home = tempfile::tempdir().unwrap();
        set_mode(home.path(), 0o700);
        fs_err::write(home.path().join("config.json"), r#"{"port": 0}"#).unwrap();
        let given = [home.path(), &home.path().join("config.json")];
        for path in given {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let part = home.path().join(name);
        if is_dir {
            fs_err::create_dir(&part).unwrap();
        } else {
            fs_err::write(&part, "{}").unwrap();
            chown(&part, Some(0), Some(0)).unwrap();
        }
        set_mode(&part, if is_dir { 0o700 } else { 0o600 });
        let said = refused(there.as_nobody(), home.path()).await;
        for words in [&*part.display().to_string(), way_out] {
            assert!(said.contains(words), "{name}: {words}: {said}");
        }
    }
}
