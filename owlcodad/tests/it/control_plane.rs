//! The control socket as others meet it: strangers, those who speak something else, those who send too
//! much, and those who are too many.

use std::path::Path;
use std::pin::Pin;
use std::task::Poll;

use owlcoda_proto::v1::{SubmitRequest, TailLogsRequest};
use owlcoda_proto::{ErrorCode, Failure, connect};
use owlcoda_testkit::{DEADLINE, TestDaemon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::process::owlctl;
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
async fn two_hundred_who_begin_slowly_or_not_at_all_keep_nobody_out() {
    let daemon = start().await;
    let mut slow = Vec::new();
    for idx in 0..200 {
        let mut stream = UnixStream::connect(daemon.socket()).await.unwrap();
        let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r";
        stream.write_all(&begin[..idx % begin.len()]).await.unwrap();
        slow.push(stream);
    }
    for verb in [["status"], ["models"], ["audit"]] {
        assert_eq!(owlctl(&daemon, &verb).await.status, Some(0));
    }
    assert_lives(&daemon, daemon.pid()).await;
    // They have five seconds to begin; then each is closed without a word.
    for mut stream in slow {
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
        closed.expect("it is closed in time").ok();
        assert_eq!(answer, b"");
    }
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
