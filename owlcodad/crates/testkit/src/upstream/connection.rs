//! Serves one connection: reads requests, plays scripts, and notices a peer that leaves.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::record::{Disconnect, Received, Record};
use crate::http1::{Framing, Incoming};
use crate::script::{Delimited, Script, Step};

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Complete,
    Close,
    Reset,
}

pub(super) async fn serve(stream: TcpStream, record: Arc<Record>) {
    if let Err(error) = exchange(stream, &record).await {
        record.change(|state| state.problems.push(error.to_string()));
    }
}

async fn exchange(stream: TcpStream, record: &Record) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = Incoming::new(stream);
    while let Some(received) = read_request(&mut incoming).await? {
        let mut script = record.change(|state| state.answer(received.clone()));
        let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        if let Some(streamed) = script.streamed.take()
            && asks(&body, "/stream")
        {
            script = *streamed;
        }
        let (reader, writer) = incoming.stream.split();
        let mut player = Player {
            writer,
            delimited: script.delimited,
            piece_bytes: script.piece_bytes,
            is_usage_asked: asks(&body, "/stream_options/include_usage"),
            body_bytes: 0,
        };
        let played = tokio::select! {
            biased;
            () = left(reader, &mut incoming.buffer) => None,
            ending = player.play(&script) => ending.ok(),
        };
        let body_bytes = player.body_bytes;
        match played {
            Some(Ending::Complete) if received.headers.asks_to_close() => break,
            Some(Ending::Complete) => {}
            Some(Ending::Close) => break,
            Some(Ending::Reset) => {
                incoming.stream.set_zero_linger()?;
                break;
            }
            None => {
                let request = received;
                let disconnect = Disconnect {
                    request,
                    body_bytes,
                };
                record.change(|state| state.disconnects.push_back(disconnect));
                break;
            }
        }
    }
    Ok(())
}

async fn read_request(incoming: &mut Incoming) -> io::Result<Option<Received>> {
    let Some(head) = incoming.head().await? else {
        return Ok(None);
    };
    let framing = head.framing(Framing::Ended)?;
    let body = incoming.body(framing).await?;
    let mut words = head.first.split(' ').map(str::to_owned);
    Ok(Some(Received {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: head.headers,
        body,
    }))
}

/// Whether a request sets the switch at this JSON pointer.
fn asks(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// Resolves when the peer has closed its side or the connection broke; keeps what it sends early.
async fn left(mut reader: ReadHalf<'_>, buffer: &mut BytesMut) {
    while matches!(reader.read_buf(buffer).await, Ok(1..)) {}
}

struct Player<'a> {
    writer: WriteHalf<'a>,
    delimited: Delimited,
    piece_bytes: usize,
    is_usage_asked: bool,
    body_bytes: usize,
}

impl Player<'_> {
    /// Plays to the end. An error means that the peer takes no more.
    async fn play(&mut self, script: &Script) -> io::Result<Ending> {
        if let Some(gate) = &script.held {
            gate.pass().await;
        }
        if self.delimited != Delimited::ByNothing {
            self.writer.write_all(&self.head(script)).await?;
        }
        for step in &script.steps {
            match step {
                Step::Write(bytes) => self.write(bytes).await?,
                Step::WriteIfUsageAsked(bytes) if self.is_usage_asked => self.write(bytes).await?,
                Step::WriteIfUsageAsked(_) => {}
                Step::Wait(gate) => gate.pass().await,
                Step::Cut => return Ok(Ending::Close),
                Step::Reset => return Ok(Ending::Reset),
                Step::Hang => std::future::pending().await,
            }
        }
        match self.delimited {
            Delimited::ByNothing => return Ok(Ending::Close),
            Delimited::Chunked => self.writer.write_all(b"0\r\n\r\n").await?,
            Delimited::ByLength => {}
        }
        let closes = |(name, value): &(String, String)| name == "connection" && value == "close";
        if script.headers.iter().any(closes) {
            return Ok(Ending::Close);
        }
        Ok(Ending::Complete)
    }

    fn head(&self, script: &Script) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", script.status);
        for (name, value) in &script.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let is_set = |field: &str| script.headers.iter().any(|(name, _)| name == field);
        match self.delimited {
            Delimited::Chunked if !is_set("transfer-encoding") => {
                head.push_str("transfer-encoding: chunked\r\n");
            }
            Delimited::ByLength if !is_set("content-length") => {
                let length = script.steps.iter().map(|step| match step {
                    Step::Write(bytes) => bytes.len(),
                    Step::WriteIfUsageAsked(bytes) if self.is_usage_asked => bytes.len(),
                    _ => 0,
                });
                let length: usize = length.sum();
                head.extend(["content-length: ", &length.to_string(), "\r\n"]);
            }
            _ => {}
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(self.piece_bytes) {
            if self.delimited == Delimited::Chunked {
                let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                chunk.extend_from_slice(piece);
                chunk.extend_from_slice(b"\r\n");
                self.writer.write_all(&chunk).await?;
            } else {
                self.writer.write_all(piece).await?;
            }
            self.body_bytes += piece.len();
        }
        Ok(())
    }
}
