//! The control socket as others meet it: strangers, those who speak something else, those who send too
//! much, and those who are too many.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;

use owlcoda_proto::v1::{SubmitRequest, TailLogsRequest};
use owlcoda_proto::{ErrorCode, Failure, connect};
use owlcoda_testkit::{TestDaemon, binary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::process::{owlctl, program, run};
use crate::world::{assert_lives, daemon, nothing, until};

async fn start() -> TestDaemon {
    daemon().config(nothing()).start().await
}

async fn said_to(daemon: &TestDaemon, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(daemon.socket()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn http_1_is_answered_in_its_own_words_and_garbage_is_closed() {
    let daemon = start().await;
    let answer = said_to(&daemon, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("owlctl"), "{answer}");
    for garbage in [
        &[0_u8; 64][..],
        &[0xff; 64],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ] {
        assert_eq!(said_to(&daemon, garbage).await, b"");
    }
    assert_lives(&daemon, daemon.pid()).await;
    assert_eq!(owlctl(&daemon, &["status"]).await.status, Some(0));
}

#[tokio::test]
async fn a_message_of_five_mebibytes_is_too_large_and_the_daemon_lives() {
    let daemon = start().await;
    let client = connect(daemon.socket()).await.unwrap();
    let mut turns = client.turns().max_encoding_message_size(16 << 20);
    let request = SubmitRequest {
        session_id: "x".repeat(5 << 20),
        ..SubmitRequest::default()
    };
    let failure = Failure::from(turns.submit(request).await.unwrap_err());
    assert_eq!(failure.code, ErrorCode::TooLarge, "{failure:?}");
    assert!(failure.message.contains("4 MiB"), "{failure:?}");
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn two_hundred_who_say_nothing_keep_nobody_out() {
    let daemon = start().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(UnixStream::connect(daemon.socket()).await.unwrap());
    }
    assert_eq!(owlctl(&daemon, &["status"]).await.status, Some(0));
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn more_connections_than_there_are_places_for_are_closed_and_the_others_stay() {
    let daemon = start().await;
    let first = connect(daemon.socket()).await.unwrap();
    let mut clients = Vec::new();
    let refused = loop {
        match connect(daemon.socket()).await {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
        assert!(clients.len() < 64, "nobody was refused");
    };
    assert!(clients.len() > 40, "{} and then {refused}", clients.len());
    let mut first = first.daemon();
    let status = first.status(owlcoda_proto::v1::StatusRequest {}).await;
    assert!(status.is_ok());
    drop(clients);
    until("a place to be free", async || {
        connect(daemon.socket()).await.ok()
    })
    .await;
}

async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_connection_has_so_many_calls_at_a_time_and_the_others_wait_for_their_turn() {
    let daemon = start().await;
    let client = connect(daemon.socket()).await.unwrap();
    let follow = || async {
        let mut logs = client.logs();
        let request = TailLogsRequest {
            follow: true,
            ..TailLogsRequest::default()
        };
        logs.tail(request).await.unwrap().into_inner()
    };
    let mut streams = Vec::new();
    for _ in 0..128 {
        streams.push(follow().await);
    }
    let mut one_more = std::pin::pin!(follow());
    assert!(is_pending(one_more.as_mut()).await);
    for _ in 0..5 {
        assert_eq!(owlctl(&daemon, &["status"]).await.status, Some(0));
    }
    assert!(is_pending(one_more.as_mut()).await);
    streams.pop();
    streams.push(one_more.await);
    assert_eq!(streams.len(), 128);
}

#[tokio::test]
async fn another_user_of_the_machine_is_hung_up_on_and_the_log_knows_who() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let nobody = 65_534;
    let daemon = start().await;
    // So open that nothing but the daemon itself keeps others out.
    let mut way: Option<&Path> = daemon.socket().parent();
    while let Some(dir) = way.filter(|dir| dir.starts_with(std::env::temp_dir())) {
        if dir != std::env::temp_dir() {
            fs_err::set_permissions(dir, PermissionsExt::from_mode(0o755)).unwrap();
        }
        way = dir.parent();
    }
    fs_err::set_permissions(daemon.socket(), PermissionsExt::from_mode(0o666)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let owlctl_there = dir.path().join("owlctl");
    fs_err::copy(binary("owlctl"), &owlctl_there).unwrap();
    for path in [dir.path(), &owlctl_there] {
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut command = program(Path::new("/usr/bin/setpriv"));
    command
        .args([format!("--reuid={nobody}"), format!("--regid={nobody}")])
        .arg("--clear-groups")
        .arg(&owlctl_there)
        .arg("--socket")
        .arg(daemon.socket())
        .args(["status", "--home", "/nonexistent"]);
    let refused = run(command).await;
    assert_eq!(refused.status, Some(69), "{refused:?}");
    until("the log to tell of it", async || {
        let log = daemon.stderr();
        let mut lines = log.lines();
        let is_told = |line: &str| line.contains("refused a control") && line.contains("65534");
        lines.any(is_told).then_some(())
    })
    .await;
    assert_eq!(owlctl(&daemon, &["status"]).await.status, Some(0));
}

#[tokio::test]
async fn a_service_of_the_machine_opens_its_socket_to_a_group_and_its_home_to_nobody() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/control.sock");
    let daemon = daemon()
        .config(nothing())
        .arg("--system")
        .arg("--socket")
        .arg(&socket)
        .start()
        .await;
    let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(daemon.socket(), socket);
    assert_eq!(mode(&socket), 0o660);
    assert_eq!(mode(socket.parent().unwrap()), 0o755);
    assert_eq!(mode(daemon.home()), 0o700);
    let socket = socket.display().to_string();
    let status = owlctl(&daemon, &["--socket", &socket, "status"]).await;
    assert_eq!(status.status, Some(0), "{status:?}");
}
