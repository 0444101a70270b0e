//! Programs of this workspace as processes: clients, and daemons that need no home of their own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use owlcoda_testkit::{DEADLINE, TestDaemon, binary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// The daemon's program.
pub(crate) fn owlcodad() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_owlcodad"))
}

/// A program with nothing in its environment and nothing on its standard input. Dropped, it is
/// killed.
pub(crate) fn program(path: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the programs under test")]
    let mut command = Command::new(path);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Waits for the end of a program.
pub(crate) async fn ended(child: Child) -> Ended {
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
    output.expect("the program ends in time").unwrap().into()
}

/// Runs a program to its end.
pub(crate) async fn run(mut command: Command) -> Ended {
    ended(command.spawn().unwrap()).await
}

/// Sends a signal.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Whether a process runs under this id. One that has ended and waits to be seen does not.
pub(crate) fn exists(pid: u32) -> bool {
    if let Ok(stat) = fs_err::read_to_string(format!("/proc/{pid}/stat")) {
        return !stat.rsplit(')').next().unwrap().starts_with(" Z");
    }
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// `owlctl` for the daemon of `home`.
pub(crate) async fn owlctl_at(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(&binary("owlctl"));
    command.env("OWLCODA_HOME", home).args(arguments);
    run(command).await
}

/// `owlctl` for a daemon.
pub(crate) async fn owlctl(daemon: &TestDaemon, arguments: &[&str]) -> Ended {
    owlctl_at(daemon.home(), arguments).await
}

/// `owl-repl` for a daemon, not yet started.
pub(crate) fn repl(daemon: &TestDaemon, arguments: &[&str]) -> Command {
    let mut command = program(&binary("owl-repl"));
    command
        .env("OWLCODA_HOME", daemon.home())
        .args(arguments.iter().map(OsStr::new));
    command
}

/// Reads the standard output of a running program until it has said `text`.
pub(crate) async fn said(child: &mut Child, text: &str) -> String {
    let stdout = child.stdout.as_mut().unwrap();
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(DEADLINE, stdout.read(&mut bytes)).await;
        let n_bytes = read.unwrap_or_else(|_| panic!("waited for {text:?}, got {seen:?}"));
        let n_bytes = n_bytes.unwrap();
        assert!(n_bytes > 0, "the output ended before {text:?}: {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..n_bytes]));
    }
    seen
}

/// Writes a line to the standard input of a running program.
pub(crate) async fn type_line(child: &mut Child, line: &str) {
    let stdin = child.stdin.as_mut().unwrap();
    stdin
        .write_all(format!("{line}\n").as_bytes())
        .await
        .unwrap();
    stdin.flush().await.unwrap();
}
