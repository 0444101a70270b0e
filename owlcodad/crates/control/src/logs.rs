//! `owlcoda.v1.Logs`: what the daemon logs, kept and live.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use owlcoda_proto::v1::logs_server::Logs;
use owlcoda_proto::{to_status, v1};
use owlcoda_supervise::Shutdown;
use owlcoda_telemetry::{LogLevel, LogLine, LogTail};
use owlcoda_types::ErrorCode;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::Control;
use crate::observe::observed;

type Lines = Pin<Box<dyn Stream<Item = Result<v1::LogLine, Status>> + Send>>;

#[tonic::async_trait]
impl Logs for Control {
    type TailStream = Lines;

    async fn tail(&self, request: Request<v1::TailLogsRequest>) -> Result<Response<Lines>, Status> {
        let request = request.into_inner();
        observed("Logs/Tail", async {
            let reader = Reader {
                newest: self.logs.newest(),
                tail: Arc::clone(&self.logs),
                shutdown: self.shutdown.clone(),
                level: level(&request.level)?,
                since_ms: request.since_ms,
                follows: request.follow,
                after_seq: 0,
                has_looked: false,
                ready: VecDeque::new(),
            };
            let lines: Lines = Box::pin(unfold(reader, Reader::step));
            Ok(lines)
        })
        .await
    }
}

fn level(name: &str) -> Result<LogLevel, Status> {
    if name.is_empty() {
        return Ok(LogLevel::Trace);
    }
    LogLevel::parse(name).ok_or_else(|| {
        let known = LogLevel::ALL.map(LogLevel::as_str).join(", ");
        to_status(
            ErrorCode::InvalidRequest,
            format!("there is no such level; there is {known}"),
        )
    })
}

struct Reader {
    tail: Arc<LogTail>,
    newest: watch::Receiver<u64>,
    shutdown: Shutdown,
    level: LogLevel,
    since_ms: i64,
    follows: bool,
    /// Everything up to it was looked at.
    after_seq: u64,
    has_looked: bool,
    ready: VecDeque<LogLine>,
}

impl Reader {
    /// The next line. Who looks on does not hold up the end of the daemon.
    async fn step(mut self) -> Option<(Result<v1::LogLine, Status>, Self)> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some((Ok(to_wire(line)), self));
            }
            if self.has_looked && !self.follows {
                return None;
            }
            let newest = *self.newest.borrow_and_update();
            if newest > self.after_seq || !self.has_looked {
                self.look();
                continue;
            }
            tokio::select! {
                biased;
                () = self.shutdown.draining().cancelled() => return None,
                changed = self.newest.changed() => changed.ok()?,
            }
        }
    }

    fn look(&mut self) {
        self.has_looked = true;
        let lines = self.tail.after(self.after_seq);
        if let Some(last) = lines.last() {
            self.after_seq = last.seq;
        }
        let is_wanted = |line: &LogLine| line.level <= self.level && line.at_ms >= self.since_ms;
        self.ready.extend(lines.into_iter().filter(is_wanted));
    }
}

fn to_wire(line: LogLine) -> v1::LogLine {
    v1::LogLine {
        seq: line.seq,
        at_ms: line.at_ms,
        level: line.level.as_str().to_owned(),
        json: line.json,
    }
}
