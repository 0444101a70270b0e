//! A model server as a process of its own, for tests of whoever starts and stops one.
//!
//! ```text
//! fake-model-server --port N [--ready-after-file PATH] [--exit-code N] [--never-ready]
//!                   [--ignore-term] [--child]
//! ```
//!
//! It serves `GET /health` and `POST /v1/chat/completions`, and writes what it does to its standard
//! output: `child PID`, then `serving on port N`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ExitCode, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Largest request that is read. Unit: bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// How it is to behave.
#[derive(Debug, Default)]
struct Options {
    port: u16,
    /// `/health` says 503 until this file is there.
    ready_after: Option<PathBuf>,
    /// Complains and ends at once with this status.
    exit_code: Option<u8>,
    /// `/health` never says anything but 503.
    is_never_ready: bool,
    /// SIGTERM does nothing, to the child as well.
    ignores_term: bool,
    /// Has a process of its own that outlives it unless someone ends it.
    has_child: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<ExitCode> {
    let options = Arc::new(Options::parse()?);
    if let Some(code) = options.exit_code {
        writeln!(io::stderr(), "cannot load the model: status {code}")?;
        return Ok(ExitCode::from(code));
    }
    // Before it serves, so that whoever sees it ready may send the signal.
    let ignored = options
        .ignores_term
        .then(|| signal(SignalKind::terminate()))
        .transpose()?;
    let _child = options
        .has_child
        .then(|| options.start_child())
        .transpose()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
    let port = listener.local_addr()?.port();
    writeln!(io::stdout(), "serving on port {port}")?;
    std::thread::spawn(move || accept(&listener, &options));
    // Lives until it is killed.
    match ignored {
        Some(mut ignored) => while ignored.recv().await.is_some() {},
        None => std::future::pending::<()>().await,
    }
    Ok(ExitCode::SUCCESS)
}

impl Options {
    fn parse() -> io::Result<Self> {
        let mut options = Self::default();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| wrong(&arg, "needs a value"));
            let number = |text: String| text.parse().map_err(|_| wrong(&text, "is no number"));
            match arg.as_str() {
                "--port" => options.port = number(value()?)?,
                "--ready-after-file" => options.ready_after = Some(value()?.into()),
                "--exit-code" => {
                    let code = number(value()?)?;
                    let code = u8::try_from(code).map_err(|_| wrong(&arg, "is 255 at most"))?;
                    options.exit_code = Some(code);
                }
                "--never-ready" => options.is_never_ready = true,
                "--ignore-term" => options.ignores_term = true,
                "--child" => options.has_child = true,
                _ => return Err(wrong(&arg, "is not an option")),
            }
        }
        Ok(options)
    }

    /// A second server on some other port, in the process group of this one.
    fn start_child(&self) -> io::Result<Child> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the process runner is one of the rooms under test"
        )]
        let mut command = std::process::Command::new(std::env::current_exe()?);
        // What it says would stand between our own lines.
        command.args(["--port", "0"]).stdout(Stdio::null());
        if self.ignores_term {
            command.arg("--ignore-term");
        }
        let child = command.spawn()?;
        writeln!(io::stdout(), "child {}", child.id())?;
        Ok(child)
    }

    fn is_ready(&self) -> bool {
        let is_loaded = self.ready_after.as_ref().is_none_or(|file| file.exists());
        is_loaded && !self.is_never_ready
    }
}

fn accept(listener: &TcpListener, options: &Arc<Options>) {
    while let Ok((stream, _)) = listener.accept() {
        let options = Arc::clone(options);
        // A caller that leaves in the middle is no concern of ours.
        std::thread::spawn(move || drop(serve(stream, &options)));
    }
}

/// Answers one request and closes the connection.
fn serve(stream: TcpStream, options: &Options) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut n_bytes = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            n_bytes = length.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; n_bytes.min(MAX_BODY_BYTES)];
    reader.read_exact(&mut body)?;
    let (status, kind, answer) = answer(&first, &body, options);
    let length = answer.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} Fake\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{answer}"
    )
}

fn answer(request: &str, body: &[u8], options: &Options) -> (u16, &'static str, String) {
    const JSON: &str = "application/json";
    let is_for = |route: &str| request.starts_with(&format!("{route} "));
    if is_for("GET /health") {
        let status = if options.is_ready() { 200 } else { 503 };
        return (status, JSON, "{}".to_owned());
    }
    if !is_for("POST /v1/chat/completions") {
        return (404, JSON, "{}".to_owned());
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_stream = asked.get("stream").and_then(Value::as_bool) == Some(true);
    let part = if is_stream { "delta" } else { "message" };
    let text = serde_json::json!({
        "id": "chatcmpl-process",
        "model": "fake-model",
        "choices": [{
            "index": 0,
            part: {"role": "assistant", "content": "from a process"},
            "finish_reason": "stop",
        }],
    });
    if is_stream {
        let events = format!("data: {text}\n\ndata: [DONE]\n\n");
        return (200, "text/event-stream", events);
    }
    (200, JSON, text.to_string())
}

fn wrong(what: &str, problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{what}` {problem}"))
}
