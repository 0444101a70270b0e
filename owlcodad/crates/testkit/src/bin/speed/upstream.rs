//! A model server that answers at once: a hundred words, whole or as that many events.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::body::MODEL;

/// Words of an answer, and content events of a streamed one.
pub(crate) const N_WORDS: usize = 100;

/// Events that leave in one write, as those of a server that is faster than its network do.
const EVENTS_A_WRITE: usize = 32;

/// Both answers, ready to be written.
struct Answers {
    whole: Vec<u8>,
    /// One write each.
    stream: Vec<Vec<u8>>,
}

pub(crate) fn serve(port: u16) -> io::Result<()> {
    let answers = Arc::new(Answers::new());
    for caller in TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.incoming() {
        let (caller, answers) = (caller?, Arc::clone(&answers));
        caller.set_nodelay(true)?;
        std::thread::spawn(move || {
            // A caller that leaves is how each of them ends.
            let _ = answers.talk(&caller);
        });
    }
    Ok(())
}

impl Answers {
    fn new() -> Self {
        let usage =
            json!({"prompt_tokens": 1000, "completion_tokens": N_WORDS, "total_tokens": 1100});
        let words: Vec<_> = (0..N_WORDS).map(|idx| format!(" word{idx}")).collect();
        let whole = json!({
            "id": "chatcmpl-speed", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": words.concat()},
                         "finish_reason": "stop"}],
            "usage": usage,
        });
        let whole = whole.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let whole = format!("{head}content-length: {}\r\n\r\n{whole}", whole.len());

        let chunk = |choices: Value, usage: Value| {
            let chunk = json!({
                "id": "chatcmpl-speed", "object": "chat.completion.chunk", "created": 1_700_000_000,
                "model": MODEL, "choices": choices, "usage": usage,
            });
            format!("data: {chunk}\n\n")
        };
        let delta = |delta: Value, reason: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
            chunk(json!([choice]), Value::Null)
        };
        let mut events = vec![delta(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        )];
        let words =
            (0..N_WORDS).map(|idx| delta(json!({"content": format!(" word{idx}")}), Value::Null));
        events.extend(words);
        events.push(delta(json!({}), json!("stop")));
        events.push(chunk(json!([]), usage));
        events.push("data: [DONE]\n\n".to_owned());
        let framed = |event: &String| format!("{:x}\r\n{event}\r\n", event.len()).into_bytes();
        let mut stream = vec![
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_vec(),
        ];
        stream.extend(
            events
                .chunks(EVENTS_A_WRITE)
                .map(|part| part.iter().flat_map(framed).collect()),
        );
        stream.push(b"0\r\n\r\n".to_vec());
        Self {
            whole: whole.into_bytes(),
            stream,
        }
    }

    /// Answers one request after the other.
    fn talk(&self, caller: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(128 << 10, caller);
        let mut writer = caller;
        let mut body = Vec::new();
        while let Some(length) = content_length(&mut reader)? {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            if asked.get("stream") == Some(&json!(true)) {
                for part in &self.stream {
                    writer.write_all(part)?;
                }
            } else {
                writer.write_all(&self.whole)?;
            }
        }
        Ok(())
    }
}

/// Reads a head; none where the peer is done.
pub(crate) fn content_length(reader: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(Some(length));
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}
