//! The one place that starts processes.
//!
//! A child leads a process group of its own, so that it is ended with everything it started; on
//! Linux the kernel ends it when the daemon dies, even by `kill -9`. Its standard input is empty
//! and its output goes to a file. It inherits our environment less what looks like a secret, and less
//! what the service manager says to us alone.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use owlcoda_types::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

/// What to start.
#[derive(Debug)]
pub struct ProcessSpec {
    /// A path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// Its arguments, each passed as it is; no shell is involved.
    pub args: Vec<OsString>,
    /// Variables set on top of the inherited ones.
    pub env: BTreeMap<String, Secret>,
    /// The child's working directory.
    pub dir: PathBuf,
    /// Takes the child's standard output and error.
    pub log: File,
}

/// A started process. Dropping it kills its whole group.
#[derive(Debug)]
pub struct Process {
    child: tokio::process::Child,
    group: Option<Pid>,
}

impl Process {
    /// Starts the process. Fails where the program is not found or may not be run.
    pub async fn spawn(spec: ProcessSpec) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let (answer, started) = oneshot::channel();
        let job: Job = Box::new(move || {
            let _guard = runtime.enter();
            // The receiver is gone where the caller gave up waiting; the child then ends here.
            let _ = answer.send(start(spec));
        });
        let unavailable = || io::Error::other("the thread that starts processes is gone");
        launcher()
            .ok_or_else(unavailable)?
            .send(job)
            .map_err(|_| unavailable())?;
        started.await.map_err(|_| unavailable())?
    }

    /// The process id; `None` once it has ended and was waited for.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end. Cancel-safe.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        // What the leader left behind in its group must not outlive it.
        self.signal(Signal::KILL);
        self.group = None;
        status
    }

    /// Asks the group to end, and kills it when `grace` has passed.
    pub async fn terminate(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        if let Ok(status) = tokio::time::timeout(grace, self.wait()).await {
            return status;
        }
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // An error means that the group is gone, which is what we want.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread that starts all children.
///
/// Linux sends the parent-death signal when the *thread* that made the child ends, and the threads
/// of a runtime come and go. This one stays for the life of the daemon.
fn launcher() -> Option<mpsc::Sender<Job>> {
    static LAUNCHER: OnceLock<Option<mpsc::Sender<Job>>> = OnceLock::new();
    let start = || {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("launcher".to_owned());
        let run = move || queue.into_iter().for_each(|job| job());
        thread.spawn(run).ok().map(|_| jobs)
    };
    LAUNCHER.get_or_init(start).clone()
}

fn start(spec: ProcessSpec) -> io::Result<Process> {
    let errors = spec.log.try_clone()?;
    #[expect(clippy::disallowed_methods, reason = "this is the one process runner")]
    let mut command = tokio::process::Command::new(&spec.program);
    command
        .args(&spec.args)
        .current_dir(&spec.dir)
        .stdin(Stdio::null())
        .stdout(spec.log)
        .stderr(errors)
        .process_group(0)
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_none_or(is_withheld) {
            command.env_remove(name);
        }
    }
    command.envs(spec.env.iter().map(|(name, value)| (name, value.expose())));
    die_with_parent(&mut command);
    let child = command.spawn()?;
    let group = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    Ok(Process { child, group })
}

/// Whether a variable of ours stays ours: it is our own, is between us and the service manager, or
/// its name says that it holds a secret.
fn is_withheld(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("OWLCODA_")
        || crate::service::VARIABLES.contains(&name.as_str())
        || ["KEY", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIALS"]
            .iter()
            .any(|end| name.ends_with(end))
        || name.contains("SECRET")
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "`pre_exec` is the only way to ask for the parent-death signal"
)]
fn die_with_parent(command: &mut tokio::process::Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        // We may have died between the fork and the line above.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes two
    // system calls and builds an error from a constant; it neither allocates nor locks.
    unsafe {
        command.pre_exec(ask);
    }
}

/// Elsewhere a child that outlives a killed daemon ends itself or is left to the user.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut tokio::process::Command) {}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn sh(script: &str, log: File) -> ProcessSpec {
        ProcessSpec {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::from([("GIVEN".to_owned(), Secret::new("yes"))]),
            dir: "/".into(),
            log,
        }
    }

    #[tokio::test]
    async fn output_goes_to_the_log_and_the_status_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = fs_err::File::create(&path).unwrap().into_parts().0;
        let mut process =
            Process::spawn(sh("echo out; echo err >&2; echo $GIVEN; pwd; exit 3", log))
                .await
                .unwrap();
        assert_eq!(process.wait().await.unwrap().code(), Some(3));
        assert_eq!(fs_err::read_to_string(path).unwrap(), "out\nerr\nyes\n/\n");
    }

    #[tokio::test]
    async fn a_group_is_ended_with_its_leader_and_killed_where_it_does_not_listen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = fs_err::File::create(&path).unwrap().into_parts().0;
        let script = "trap '' TERM; sleep 600 & echo $!; while :; do sleep 600; done";
        let mut process = Process::spawn(sh(script, log)).await.unwrap();
        let grandchild = loop {
            let text = fs_err::read_to_string(&path).unwrap();
            if let Some(line) = text.strip_suffix('\n') {
                break Pid::from_raw(line.parse().unwrap()).unwrap();
            }
            tokio::task::yield_now().await;
        };
        let status = process.terminate(Duration::from_millis(50)).await.unwrap();
        assert_eq!(status.signal(), Some(9));
        // The grandchild is init's now: it ends, and may stay a zombie until init reaps it.
        let stat = format!("/proc/{}/stat", grandchild.as_raw_nonzero());
        while fs_err::read_to_string(&stat).is_ok_and(|state| !state.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let mut spec = sh("", tempfile::tempfile().unwrap());
        spec.program = "/no/such/program".into();
        assert_eq!(
            Process::spawn(spec).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn secrets_of_ours_are_withheld() {
        for name in [
            "OWLCODA_HOME",
            "OPENAI_API_KEY",
            "GITHUB_TOKEN",
            "MY_SECRET_1",
            "PGPASSWORD",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "LISTEN_FDS",
            "LISTEN_PID",
            "CREDENTIALS_DIRECTORY",
        ] {
            assert!(is_withheld(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "LD_LIBRARY_PATH",
            "CUDA_VISIBLE_DEVICES",
            "KEYBOARD",
        ] {
            assert!(!is_withheld(name), "{name}");
        }
    }
}
