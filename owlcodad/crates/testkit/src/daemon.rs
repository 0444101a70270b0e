//! The real daemon in a home of its own, for tests of the whole.
//!
//! It is ready when it prints `owlcodad VERSION serving http://HOST:PORT control unix:PATH` on its
//! standard output. Its standard error goes to a file, which is shown where a test fails.

mod process;

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use process::Refused;
use process::{Launch, Running};

use crate::guard::guarded;

/// A running daemon. Dropping it kills it and removes its home.
#[derive(Debug)]
pub struct TestDaemon {
    // Before the directory, so that the process is gone when its home goes.
    running: Running,
    launch: Launch,
    _directory: TempDir,
}

/// What to start; see [`TestDaemon::builder`].
#[derive(Debug)]
#[must_use]
pub struct TestDaemonBuilder {
    program: Option<PathBuf>,
    config: String,
    files: Vec<(String, String, u32)>,
    env: Vec<(OsString, OsString)>,
    args: Vec<OsString>,
}

impl TestDaemonBuilder {
    /// The configuration file. Where it does not say otherwise, any port is taken, no model server is
    /// looked for and none is asked how it is.
    pub fn config(self, config: Value) -> Self {
        self.config_text(&apart(config))
    }

    /// The configuration file byte for byte.
    pub fn config_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.config);
        self
    }

    /// A further file in the home, with this mode.
    pub fn file(mut self, name: &str, text: &str, mode: u32) -> Self {
        self.files.push((name.to_owned(), text.to_owned(), mode));
        self
    }

    /// Sets a variable besides `PATH` and `HOME`, the only ones the daemon has.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds an argument after `serve --home HOME`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Starts another program than the `owlcodad` beside the test.
    pub fn bin(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Starts the daemon and waits until it serves; panics with its standard error where it ends
    /// first.
    pub async fn start(self) -> TestDaemon {
        let started = self.try_start().await;
        started.unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// As [`Self::start`], for a test in which the daemon may refuse to serve.
    pub async fn try_start(self) -> Result<TestDaemon, Refused> {
        let directory = tempfile::Builder::new()
            .prefix("owlcoda-")
            .tempdir()
            .expect("a temporary directory");
        let home = directory.path().join("home");
        fs_err::create_dir(&home).unwrap();
        fs_err::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        write_private(&home.join("config.json"), &self.config);
        for (name, text, mode) in &self.files {
            let path = home.join(name);
            fs_err::write(&path, text).unwrap();
            fs_err::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
        }
        let mut args: Vec<OsString> = vec!["serve".into(), "--home".into(), home.clone().into()];
        args.extend(self.args);
        let launch = Launch {
            program: self.program.unwrap_or_else(|| binary("owlcodad")),
            args,
            env: self.env,
            user_home: directory.path().to_owned(),
            home,
            stderr: directory.path().join("stderr.log"),
        };
        let running = launch.start().await?;
        Ok(TestDaemon {
            running,
            launch,
            _directory: directory,
        })
    }
}

impl TestDaemon {
    /// A daemon with an empty configuration until told otherwise.
    pub fn builder() -> TestDaemonBuilder {
        TestDaemonBuilder {
            program: None,
            config: apart(json!({})),
            files: Vec::new(),
            env: Vec::new(),
            args: Vec::new(),
        }
    }

    /// Where it serves HTTP now, `http://127.0.0.1:PORT`. With port 0 a restart changes it.
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// Its home, the value of `--home`.
    pub fn home(&self) -> &Path {
        &self.launch.home
    }

    /// Its control socket.
    pub fn socket(&self) -> &Path {
        &self.running.socket
    }

    /// Its process id; panics where it has ended and was waited for.
    pub fn pid(&self) -> u32 {
        self.running.child.id().expect("the daemon runs")
    }

    /// Asks it to end (SIGTERM) and returns at once.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::TERM).expect("the daemon runs");
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub async fn kill9(&mut self) {
        self.running.child.start_kill().expect("the daemon runs");
        self.wait_exit().await;
    }

    /// Waits until it has ended.
    pub async fn wait_exit(&mut self) -> ExitStatus {
        let launch = &self.launch;
        let describe = || format!("the daemon to end; its stderr:\n{}", launch.stderr());
        let ended = guarded(describe, self.running.child.wait()).await;
        ended.expect("a child can be waited for")
    }

    /// Starts it again in the same home; first ends it (SIGTERM) where it still runs.
    pub async fn restart(&mut self) {
        let started = self.try_restart().await;
        started.unwrap_or_else(|refused| panic!("{refused}"));
    }

    /// As [`Self::restart`], for a test in which the daemon may refuse to serve.
    pub async fn try_restart(&mut self) -> Result<(), Refused> {
        if self.running.child.id().is_some() {
            self.terminate();
            self.wait_exit().await;
        }
        self.running = self.launch.start().await?;
        Ok(())
    }

    /// Replaces the configuration file in one step; what it does not say is added as at the start.
    pub fn write_config(&self, config: Value) {
        let next = self.home().join("config.json.next");
        write_private(&next, &apart(config));
        fs_err::rename(next, self.home().join("config.json")).unwrap();
    }

    /// Everything it wrote to standard error so far, over all its starts.
    pub fn stderr(&self) -> String {
        self.launch.stderr()
    }

    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what the daemon said"
    )]
    fn show_stderr(&self) {
        eprintln!("--- stderr of the daemon\n{}---", self.stderr());
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_stderr();
        }
    }
}

/// The program `name` of this workspace, as built for the running test.
///
/// Panics where it is not built: cargo builds the programs of a package for its own tests only.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let directory = test.parent().and_then(Path::parent);
    let program = directory.expect("tests are in target/*/deps").join(name);
    assert!(
        program.is_file(),
        "{} is missing: run `cargo test --workspace` so that it is built",
        program.display()
    );
    program
}

fn apart(mut config: Value) -> String {
    let object = config
        .as_object_mut()
        .expect("a configuration is an object");
    object.entry("port").or_insert_with(|| json!(0));
    // What else runs on this machine is no part of a test that does not say so.
    let off = || json!({"enabled": false});
    object.entry("discovery").or_insert_with(off);
    let never = || json!({"intervalMs": 0});
    object.entry("health").or_insert_with(never);
    config.to_string()
}

fn write_private(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}
