//! Starts the daemon's process and waits for the line that says it serves.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader, sink};
use tokio::process::{Child, ChildStdout};
use tokio::task::JoinSet;

use crate::guard::guarded;

/// How long a killed process may take to be gone before we leave it to the system.
const GONE: Duration = Duration::from_secs(5);

/// A daemon that ended instead of serving.
#[derive(Debug)]
pub struct Refused {
    pub status: ExitStatus,
    /// What it wrote to standard error, over all starts in this home.
    pub stderr: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stderr } = self;
        write!(f, "the daemon ended ({status}) and never served:\n{stderr}")
    }
}

/// What it takes to start a daemon, the same at each restart.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    /// `HOME`: a directory above the daemon's own, so that a test sees what it writes outside.
    pub(super) user_home: PathBuf,
    pub(super) home: PathBuf,
    pub(super) stderr: PathBuf,
}

/// A process that serves.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) url: String,
    pub(super) socket: PathBuf,
    /// Empties its standard output, so that it never blocks on it.
    _drain: JoinSet<()>,
}

impl Launch {
    pub(super) async fn start(&self) -> Result<Running, Refused> {
        let mut child = self.spawn();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let mut stdout = BufReader::new(stdout);
        let describe = || format!("the daemon to serve; its stderr:\n{}", self.stderr());
        let ready = guarded(describe, async {
            match serving(&mut stdout).await {
                Some(ready) => Ok(ready),
                None => Err(child.wait().await.expect("a child can be waited for")),
            }
        });
        let (url, socket) = ready.await.map_err(|status| Refused {
            status,
            stderr: self.stderr(),
        })?;
        let mut drain = JoinSet::new();
        drain.spawn(async move {
            // An error is the end of the process, which others wait for.
            let _ = tokio::io::copy(&mut stdout, &mut sink()).await;
        });
        Ok(Running {
            child,
            url,
            socket,
            _drain: drain,
        })
    }

    pub(super) fn stderr(&self) -> String {
        let bytes = fs_err::read(&self.stderr).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn spawn(&self) -> Child {
        let stderr = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.stderr)
            .unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "the daemon needs no variable but these"
        )]
        let path = std::env::var_os("PATH").unwrap_or_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "the process runner is one of the rooms under test"
        )]
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.user_home)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.user_home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.into_parts().0)
            .kill_on_drop(true);
        let started = command.spawn();
        started.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.child.start_kill();
        // It must be gone before its home is, or it may write there once more.
        let killed = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && killed.elapsed() < GONE {
            std::thread::yield_now();
        }
    }
}

/// Reads up to the line that says where it serves; `None` where the output ends first.
async fn serving(stdout: &mut BufReader<ChildStdout>) -> Option<(String, PathBuf)> {
    let mut line = String::new();
    loop {
        line.clear();
        let n_bytes = stdout.read_line(&mut line).await.ok()?;
        if n_bytes == 0 {
            return None;
        }
        if let Some(ready) = parse_serving(line.trim_end()) {
            return Some(ready);
        }
    }
}

fn parse_serving(line: &str) -> Option<(String, PathBuf)> {
    let rest = line.strip_prefix("owlcodad ")?;
    let (_version, rest) = rest.split_once(" serving ")?;
    let (url, socket) = rest.split_once(" control unix:")?;
    Some((url.to_owned(), PathBuf::from(socket)))
}
