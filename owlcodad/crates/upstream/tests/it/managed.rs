//! Servers of our own: real processes, started, watched and ended.
//!
//! Where a limit has to pass, the clock is stopped once nothing else is under way, and then runs
//! through the limit at once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use owlcoda_config::RuntimeConfig;
use owlcoda_supervise::{Shutdown, Supervisor};
use owlcoda_testkit::{binary, http, until};
use owlcoda_types::{ErrorCode, Server};
use owlcoda_upstream::managed::{Lease, ManagedError, Runtimes, State};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::setup::client;

const NAME: &str = "local";

/// One server of ours in a home of its own.
struct Home {
    runtimes: Runtimes,
    supervisor: Supervisor,
    dir: TempDir,
}

/// A server that is started with `args` after its port.
fn config(args: &[&str]) -> RuntimeConfig {
    let port = ["--port", "{port}"];
    RuntimeConfig {
        name: NAME.to_owned(),
        command: binary("fake-model-server").display().to_string(),
        args: port.iter().chain(args).map(|&arg| arg.to_owned()).collect(),
        env: BTreeMap::new(),
        ready_path: "/health".to_owned(),
        start_timeout: Duration::from_mins(10),
        idle_stop: None,
        port: None,
        server: Server::Generic,
    }
}

/// A command of the shell in place of the server.
fn shell(script: &str) -> RuntimeConfig {
    RuntimeConfig {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        ..config(&[])
    }
}

impl Home {
    fn new(config: RuntimeConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new(Shutdown::new());
        let runtimes = Runtimes::start(&[config], &client(), &supervisor, dir.path());
        Self {
            runtimes,
            supervisor,
            dir,
        }
    }

    async fn lease(&self) -> Result<Lease, ManagedError> {
        self.runtimes.lease(NAME).await
    }

    async fn failure(&self) -> String {
        match self.lease().await.unwrap_err() {
            ManagedError::Failed { detail, .. } => detail,
            other => panic!("{other}"),
        }
    }

    fn state(&self) -> State {
        self.runtimes.status().remove(0).state
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join(format!("runtime-{NAME}.log"))
    }

    fn said(&self) -> String {
        fs_err::read_to_string(self.log()).unwrap_or_default()
    }

    async fn until_state(&self, what: &str, is_wanted: impl Fn(&State) -> bool) -> State {
        until(what, || Some(self.state()).filter(&is_wanted)).await
    }

    /// The process of a server that runs.
    fn pid(&self) -> Pid {
        match self.state() {
            State::Starting { pid, .. } | State::Ready { pid, .. } => to_pid(pid),
            other => panic!("{other:?}"),
        }
    }

    /// Asks for a lease, which waits for a stop that is under way, and sees who gives it.
    async fn is_still(&self, pid: Pid) {
        self.lease().await.unwrap();
        assert_eq!(self.pid(), pid, "another process");
    }

    /// Waits until a server serves that is not ready yet; its port.
    async fn serving(&self) -> u16 {
        until("the server to serve", || match self.state() {
            State::Starting { port, .. } if self.said().contains("serving") => Some(port),
            _ => None,
        })
        .await
    }

    /// The process that the server started for itself.
    fn child(&self) -> Pid {
        let said = self.said();
        let child = said.lines().find_map(|line| line.strip_prefix("child "));
        to_pid(child.unwrap().parse().unwrap())
    }

    /// Ends the daemon, as far as a server can tell.
    async fn stop(&self) {
        self.supervisor.shutdown().begin_stop();
        self.supervisor.wait().await;
    }
}

fn to_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Waits until a process is gone; one that nobody has waited for may stay as a zombie.
async fn gone(pid: Pid) {
    let stat = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let is_gone = || fs_err::read_to_string(&stat).map_or(true, |state| state.contains(") Z "));
    until(&format!("process {pid:?} to be gone"), || {
        is_gone().then_some(())
    })
    .await;
}

fn touch(path: &Path) {
    fs_err::write(path, "").unwrap();
}

/// Lets the stopped clock run for `duration`, and everything that falls due within it.
async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn nothing_is_started_before_it_is_needed_and_then_once_for_everyone() {
    let home = Home::new(config(&[]));
    assert_eq!(home.state(), State::Stopped);
    let leases = futures_util::future::join_all((0..40).map(|_| home.lease())).await;
    let State::Ready { port, .. } = home.state() else {
        panic!("{:?}", home.state())
    };
    for lease in leases {
        assert_eq!(lease.unwrap().url.id(), format!("127.0.0.1:{port}"));
    }
    assert_eq!(home.said(), format!("serving on port {port}\n"));
}

#[tokio::test]
async fn a_lease_is_given_when_the_ready_path_answers_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = dir.path().join("loaded");
    let home = Home::new(config(&["--ready-after-file", loaded.to_str().unwrap()]));
    let asked = async {
        let lease = home.lease().await.unwrap();
        assert!(loaded.exists(), "the lease was there too early");
        lease
    };
    let ((), lease) = tokio::join!(
        async {
            // It serves already and says that it is not ready.
            let port = home.serving().await;
            let health = http::get(&format!("http://127.0.0.1:{port}/health")).await;
            assert_eq!(health.status, 503);
            touch(&loaded);
        },
        asked
    );
    assert!(
        matches!(home.state(), State::Ready { .. }),
        "{:?}",
        home.state()
    );
    let answer = http::post(&lease.url.chat_completions(), "{}").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn variables_and_arguments_get_the_port() {
    let mut config = shell("echo $0 $MODEL_PORT; exec \"$SERVER\" --port \"$MODEL_PORT\"");
    config.args.push("argument-{port}".to_owned());
    let server = binary("fake-model-server").display().to_string();
    config.env = [("MODEL_PORT", "{port}"), ("SERVER", &server)]
        .map(|(name, value)| (name.to_owned(), owlcoda_types::Secret::new(value)))
        .into();
    let home = Home::new(config);
    let lease = home.lease().await.unwrap();
    let port = lease.url.id().replace("127.0.0.1:", "");
    assert!(
        home.said()
            .starts_with(&format!("argument-{port} {port}\n")),
        "{}",
        home.said()
    );
}

#[tokio::test]
async fn a_server_that_ends_before_it_is_ready_fails_with_its_last_words() {
    let home = Home::new(config(&["--exit-code", "3"]));
    let (first, second) = tokio::join!(home.lease(), home.lease());
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::Unavailable);
        let text = error.to_string();
        for part in [
            "the model server `local` did not start: it ended before it was ready (exit status: 3)",
            "it said: cannot load the model: status 3",
            &format!("its log is {}", home.log().display()),
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    // Two that waited are told of one start.
    assert_eq!(home.said().lines().count(), 1);
    assert!(
        matches!(home.state(), State::Failed { .. }),
        "{:?}",
        home.state()
    );
    // The next one is a new try.
    home.lease().await.unwrap_err();
    assert_eq!(home.said().lines().count(), 2);
}

#[tokio::test]
async fn the_last_words_of_an_earlier_start_are_not_taken_for_this_ones() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("marker").display().to_string();
    let home = Home::new(shell(&format!(
        "[ -e {marker} ] && exit 4; echo out of memory; touch {marker}; exit 3"
    )));
    assert_eq!(
        home.failure().await,
        "it ended before it was ready (exit status: 3); it said: out of memory"
    );
    assert_eq!(
        home.failure().await,
        "it ended before it was ready (exit status: 4)"
    );
}

#[tokio::test]
async fn hostile_last_words_are_cut_and_made_printable() {
    let script = r"printf 'one\n\033[31m%0900d\n\n' 7; exit 1";
    let detail = Home::new(shell(script)).failure().await;
    assert!(!detail.contains(char::is_control), "{detail:?}");
    assert!(detail.chars().count() < 400, "{detail}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named() {
    let config = RuntimeConfig {
        command: "/no/such/server".to_owned(),
        ..config(&[])
    };
    let detail = Home::new(config).failure().await;
    assert!(
        detail.starts_with("could not run `/no/such/server`: No such file"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_called_that_is_unknown() {
    let error = Home::new(config(&[]))
        .runtimes
        .lease("other")
        .await
        .unwrap_err();
    assert!(matches!(error, ManagedError::Unknown { .. }), "{error:?}");
}

#[tokio::test]
async fn another_program_on_the_port_does_not_get_our_calls() {
    let other = owlcoda_testkit::FakeUpstream::start().await;
    let port = other.addr().port();
    let home = Home::new(RuntimeConfig {
        port: Some(port),
        ..config(&[])
    });
    let detail = home.failure().await;
    assert!(
        detail.starts_with(&format!("port {port} is not free")),
        "{detail}"
    );
    assert_eq!(other.n_connections(), 0);
    other.stop().await;
    let lease = home.lease().await.unwrap();
    assert_eq!(lease.url.id(), format!("127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_server_that_is_never_ready_is_ended_at_the_limit() {
    let home = Home::new(config(&["--never-ready"]));
    let (detail, pid) = tokio::join!(home.failure(), async {
        home.serving().await;
        let pid = home.pid();
        tokio::time::pause();
        pid
    });
    let expected = "it did not answer on /health within 600 s; it said: serving on port";
    assert!(detail.starts_with(expected), "{detail}");
    gone(pid).await;
}

#[tokio::test]
async fn a_server_that_dies_is_started_again_by_the_next_lease_only() {
    let home = Home::new(config(&["--child"]));
    let lease = home.lease().await.unwrap();
    let (first, child) = (home.pid(), home.child());
    kill_process(first, Signal::KILL).unwrap();
    let state = home
        .until_state("the end to be seen", |state| {
            matches!(state, State::Failed { .. })
        })
        .await;
    let State::Failed { detail } = state else {
        panic!("{state:?}")
    };
    assert!(detail.starts_with("it ended (signal: 9"), "{detail}");
    // What it leaves behind would hold its memory, if not its port.
    gone(child).await;
    drop(lease);
    home.lease().await.unwrap();
    assert_ne!(home.pid(), first);
    assert_eq!(home.said().matches("serving").count(), 2, "{}", home.said());
}

#[tokio::test]
async fn a_server_is_stopped_when_idle_and_never_under_a_lease() {
    let home = Home::new(RuntimeConfig {
        idle_stop: Some(HOUR),
        ..config(&[])
    });
    let (first, second) = tokio::join!(home.lease(), home.lease());
    let pid = home.pid();
    tokio::time::pause();
    pass(HOUR * 5).await;
    home.is_still(pid).await;
    drop(first);
    pass(HOUR * 5).await;
    home.is_still(pid).await;
    drop(second);
    // A call begins the limit anew.
    for _ in 0..2 {
        pass(HOUR * 59 / 60).await;
        home.is_still(pid).await;
    }
    pass(HOUR * 2).await;
    home.until_state("the idle server to end", |state| *state == State::Stopped)
        .await;
    gone(pid).await;

    tokio::time::resume();
    home.lease().await.unwrap();
    assert_ne!(home.pid(), pid);
}

#[tokio::test]
async fn a_stop_ends_a_server_and_everything_it_started() {
    let home = Home::new(config(&["--child"]));
    let _lease = home.lease().await.unwrap();
    let (pid, child) = (home.pid(), home.child());
    home.stop().await;
    gone(pid).await;
    gone(child).await;
    let error = home.lease().await.unwrap_err();
    assert!(matches!(error, ManagedError::ShuttingDown), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_killed_with_everything_it_started() {
    let home = Home::new(config(&["--child", "--ignore-term"]));
    let _lease = home.lease().await.unwrap();
    let (pid, child) = (home.pid(), home.child());
    // The grace of five seconds passes at once.
    tokio::time::pause();
    home.stop().await;
    gone(pid).await;
    gone(child).await;
}

#[tokio::test]
async fn a_stop_while_it_starts_ends_the_server_and_tells_who_waits() {
    let home = Home::new(config(&["--never-ready", "--child", "--ignore-term"]));
    let (asked, (pid, child)) = tokio::join!(home.lease(), async {
        home.serving().await;
        let processes = (home.pid(), home.child());
        home.stop().await;
        processes
    });
    let error = asked.unwrap_err();
    assert!(matches!(error, ManagedError::ShuttingDown), "{error:?}");
    gone(pid).await;
    gone(child).await;
}

#[tokio::test]
async fn the_port_of_a_stopped_server_is_free_again() {
    let home = Home::new(config(&[]));
    let lease = home.lease().await.unwrap();
    let authority = lease.url.id();
    home.stop().await;
    TcpListener::bind(&authority).unwrap();
}

#[tokio::test]
async fn a_caller_that_gives_up_waiting_leaves_no_lease_behind() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = dir.path().join("loaded");
    let home = Home::new(RuntimeConfig {
        idle_stop: Some(HOUR),
        ..config(&["--ready-after-file", loaded.to_str().unwrap()])
    });
    tokio::select! {
        lease = home.lease() => panic!("{lease:?}"),
        _ = home.serving() => {}
    }
    touch(&loaded);
    home.until_state("the server to be ready", |state| {
        matches!(state, State::Ready { .. })
    })
    .await;
    tokio::time::pause();
    pass(HOUR * 2).await;
    home.until_state("the idle server to end", |state| *state == State::Stopped)
        .await;
}

#[tokio::test]
async fn a_server_that_stays_as_it_is_goes_on_under_the_next_configuration() {
    let mut home = Home::new(config(&[]));
    drop(home.lease().await.unwrap());
    let pid = home.pid();
    home.runtimes = home.runtimes.reconciled(&[config(&[])]);
    home.is_still(pid).await;
}

#[tokio::test]
async fn a_changed_server_waits_for_the_calls_of_the_one_before_it() {
    let mut home = Home::new(config(&[]));
    let lease = home.lease().await.unwrap();
    let pid = home.pid();
    let changed = config(&["--child"]);
    home.runtimes = home.runtimes.reconciled(&[changed]);
    assert_eq!(home.state(), State::Stopped);
    // A call under way is answered.
    let answer = http::post(&lease.url.chat_completions(), "{}").await;
    assert_eq!(answer.status, 200);
    let next = home.lease();
    let (next, ()) = tokio::join!(next, async {
        drop(lease);
        gone(pid).await;
    });
    let answer = http::post(&next.unwrap().url.chat_completions(), "{}").await;
    assert_eq!(answer.status, 200);
    assert_ne!(home.pid(), pid);
}

#[tokio::test]
async fn a_server_that_is_not_named_any_more_ends_after_its_last_call() {
    let mut home = Home::new(config(&[]));
    let lease = home.lease().await.unwrap();
    let pid = home.pid();
    let of_a_call = home.runtimes.clone();
    home.runtimes = home.runtimes.reconciled(&[]);
    assert!(matches!(
        home.lease().await,
        Err(ManagedError::Unknown { .. })
    ));
    // A call that has begun under the old configuration still finds it.
    drop(of_a_call.lease(NAME).await.unwrap());
    drop(of_a_call);
    let answer = http::post(&lease.url.chat_completions(), "{}").await;
    assert_eq!(answer.status, 200);
    drop(lease);
    gone(pid).await;
}
