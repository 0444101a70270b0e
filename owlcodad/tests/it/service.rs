//! The daemon as a service: what it tells the service manager, and the sockets that it is given.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use owlcoda_testkit::{DEADLINE, FakeUpstream, Gate, Script, http};
use rustix::process::Signal;
use serde_json::json;
use tokio::process::Child;

use crate::process::{ended, owlcodad, owlctl, owlctl_at, program, run, said, signal};
use crate::world::{MODEL, Route, config, daemon, halting, nothing, once, streamed_text, with};

/// A service manager that only listens.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            socket,
            path,
            _dir: dir,
        }
    }

    /// What comes until something has `word` in it, that included.
    async fn hear(&self, word: &str) -> Vec<String> {
        let socket = self.socket.try_clone().unwrap();
        let word = word.to_owned();
        let hearing = move || {
            let mut heard: Vec<String> = Vec::new();
            while !heard.last().is_some_and(|last| last.contains(&word)) {
                let mut bytes = [0; 1024];
                let n_bytes = socket.recv(&mut bytes).unwrap_or_else(|error| {
                    panic!("waited for {word}, heard {heard:?}: {error}");
                });
                heard.push(String::from_utf8(bytes[..n_bytes].to_vec()).unwrap());
            }
            heard
        };
        tokio::task::spawn_blocking(hearing).await.unwrap()
    }
}

#[tokio::test]
async fn the_service_manager_hears_of_the_start_of_being_alive_and_of_the_end() {
    let manager = Manager::new();
    let starting = daemon()
        .config(nothing())
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "200000");
    let mut daemon = starting.start().await;
    let heard = manager.hear("READY=1").await;
    assert!(heard[0].contains("STATUS=opening the store"), "{heard:?}");
    assert!(heard[0].contains("EXTEND_TIMEOUT_USEC="), "{heard:?}");
    let ready = heard.last().unwrap();
    let serving = format!("STATUS=serving {}", daemon.url());
    assert!(ready.contains(&serving), "{ready}");
    assert!(!heard.concat().contains("WATCHDOG=1\nREADY"), "{heard:?}");
    for _ in 0..3 {
        manager.hear("WATCHDOG=1").await;
    }
    daemon.terminate();
    let heard = manager.hear("STOPPING=1").await;
    assert!(
        heard.last().unwrap().contains("STATUS=draining"),
        "{heard:?}"
    );
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_daemon_that_hangs_does_not_say_that_it_is_alive() {
    let manager = Manager::new();
    let starting = daemon()
        .config(nothing())
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "100000");
    let daemon = starting.start().await;
    manager.hear("WATCHDOG=1").await;
    signal(daemon.pid(), Signal::STOP);
    // What it had said before is heard; then there is silence for many times the limit.
    let socket = manager.socket.try_clone().unwrap();
    let silence = tokio::task::spawn_blocking(move || {
        socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        while socket.recv(&mut [0; 1024]).is_ok() {}
    });
    silence.await.unwrap();
    signal(daemon.pid(), Signal::CONT);
    manager.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    manager.hear("WATCHDOG=1").await;
}

/// The sockets of a service manager, which outlive the daemons that they are given to.
struct Sockets {
    dir: tempfile::TempDir,
    http: TcpListener,
    control: UnixListener,
}

impl Sockets {
    fn new(config: &serde_json::Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
        let control = UnixListener::bind(dir.path().join("activated.sock")).unwrap();
        Self {
            http: TcpListener::bind("127.0.0.1:0").unwrap(),
            dir,
            control,
        }
    }

    fn home(&self) -> &Path {
        self.dir.path()
    }

    fn path(&self) -> PathBuf {
        self.home().join("activated.sock")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http.local_addr().unwrap())
    }

    /// Starts a daemon with both as descriptors 3 and 4 under these names.
    fn start(&self, names: &str) -> Child {
        let http = OwnedFd::from(self.http.try_clone().unwrap());
        let control = OwnedFd::from(self.control.try_clone().unwrap());
        let script = "exec 3<&0 4<&2 </dev/null 2>>\"$1/stderr.log\"; n=$2; shift 2; \
                      LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=$n exec \"$@\"";
        let mut command = program(Path::new("/bin/sh"));
        command
            .args(["-c", script, "sh"])
            .arg(self.home())
            .arg(names)
            .arg(owlcodad())
            .args(["serve", "--home"])
            .arg(self.home())
            .stdin(Stdio::from(http))
            .stderr(Stdio::from(control));
        command.spawn().unwrap()
    }

    fn stderr(&self) -> String {
        fs_err::read_to_string(self.home().join("stderr.log")).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_restart_with_sockets_of_the_service_manager_loses_no_request_and_no_stream() {
    let upstream = FakeUpstream::start().await;
    let sockets = Sockets::new(&once(with(config(&upstream), json!({"port": 1}))));
    let url = sockets.url("");
    let mut daemon = sockets.start("http:control");
    let line = said(&mut daemon, "\n").await;
    let expected = format!("serving {url} control unix:{}\n", sockets.path().display());
    assert!(line.ends_with(&expected), "{line}");

    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let models = format!("{url}/v1/models");
    let asking = async move {
        let mut n_answered = 0;
        while !*stopped.borrow_and_update() {
            let answer = http::try_request("GET", &models, &[], "").await.unwrap();
            assert_eq!(answer.status, 200, "after {n_answered} answers");
            n_answered += 1;
        }
        n_answered
    };
    let restarting = async {
        for _ in 0..2 {
            let gate = Gate::new();
            upstream.script(halting(&gate));
            let body = Route::Messages.ask_stream(MODEL).to_string();
            let mut stream = http::open_stream(&format!("{url}/v1/messages"), body).await;
            let mut bytes = stream.until("One").await;
            signal(daemon.id().unwrap(), Signal::TERM);
            gate.open();
            bytes.extend(stream.rest().await.unwrap());
            assert_eq!(streamed_text(&bytes), "One two");
            let status = daemon.wait().await.unwrap();
            assert_eq!(status.code(), Some(0), "{}", sockets.stderr());
            assert!(sockets.path().exists(), "it is not ours to remove");
            daemon = sockets.start("http:control");
            said(&mut daemon, "serving").await;
        }
        stop.send_replace(true);
    };
    let (n_answered, ()) = tokio::join!(asking, restarting);
    assert!(n_answered > 2, "{n_answered}");
    let socket = sockets.path().display().to_string();
    let status = owlctl_at(sockets.home(), &["--socket", &socket, "status", "--json"]).await;
    assert_eq!(status.json()["daemon"]["http_url"], url);
    assert_eq!(status.json()["daemon"]["pid"], daemon.id().unwrap());
}

#[tokio::test]
async fn a_socket_that_is_not_what_its_name_says_ends_the_start_with_78() {
    let sockets = Sockets::new(&nothing());
    for (names, words) in [
        ("control:http", "no Unix stream socket"),
        ("http:http", "no TCP socket"),
        ("owlcodad.socket:control", "FileDescriptorName="),
    ] {
        let refused = ended(sockets.start(names)).await;
        assert_eq!(refused.status, Some(78), "{refused:?}");
        let said = sockets.stderr();
        assert!(
            said.lines().last().unwrap().contains(words),
            "{names}: {said}"
        );
    }
}

#[tokio::test]
async fn the_third_start_after_two_that_were_killed_is_in_safe_mode_and_serves() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let runtime = json!({"name": "own", "command": "/bin/false", "args": ["{port}"]});
    let config = with(once(config(&upstream)), json!({"runtimes": [runtime]}));
    let mut daemon = daemon().config(config).start().await;
    for _ in 0..2 {
        assert_eq!(owlctl(&daemon, &["health", "-q"]).await.status, Some(0));
        daemon.kill9().await;
        daemon.restart().await;
    }
    let health = owlctl(&daemon, &["health"]).await;
    assert_eq!(health.status, Some(5), "{health:?}");
    for word in ["safe mode", "last 2 starts", "restart"] {
        assert!(health.stdout.contains(word), "{word}: {health:?}");
    }
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["runtimes"], json!([]), "{status}");
    assert!(daemon.stderr().contains("safe mode"));
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        200
    );

    // An orderly end is the way out.
    daemon.restart().await;
    assert_eq!(owlctl(&daemon, &["health", "-q"]).await.status, Some(0));
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["runtimes"][0]["name"], "own", "{status}");
}

#[tokio::test]
async fn a_start_that_is_refused_for_what_it_says_does_not_lead_to_safe_mode() {
    let daemon = daemon().config(nothing()).start().await;
    let url: Vec<_> = daemon.url().split(':').collect();
    let home = tempfile::tempdir().unwrap();
    let taken = with(nothing(), json!({"port": url[2].parse::<u16>().unwrap()}));
    fs_err::write(home.path().join("config.json"), taken.to_string()).unwrap();
    let serve = || {
        let mut command = program(&owlcodad());
        command.args(["serve", "--home"]).arg(home.path());
        command
    };
    for _ in 0..4 {
        assert_eq!(run(serve()).await.status, Some(75));
    }
    let free = with(nothing(), json!({"port": 0}));
    fs_err::write(home.path().join("config.json"), free.to_string()).unwrap();
    let mut child = serve().spawn().unwrap();
    said(&mut child, "serving").await;
    let status = owlctl_at(home.path(), &["status"]).await;
    assert_eq!(status.status, Some(0), "{status:?}");
    assert!(!status.stdout.contains("safe mode"), "{status:?}");
}
