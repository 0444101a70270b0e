//! One conversation over the wire: its stream, attached again where it is lost, and its calls.
//!
//! ```text
//! attached ──end, gap, silence──► detached ──attach──► attached
//!                                  │   ▲ wait (patience)
//!                                  └───┘──10 s without news──► gone
//! ```

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use owlcoda_proto::v1::frame::Frame as Kind;
use owlcoda_proto::v1::{
    AttachRequest, CreateSessionRequest, Frame, InterruptRequest, SubmitRequest,
};
use owlcoda_proto::{Client, ConnectError, Failure, connect};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tonic::{Code, Response, Status, Streaming};

use crate::error::ReplError;
use crate::opening::{CALL, Opening, new_meta, no_answer};
use crate::patience::Patience;
use crate::transcript::{Output, Transcript};

/// The daemon sends a heartbeat every 15 s; a stream that is silent for this long is dead.
const SILENCE: Duration = Duration::from_mins(1);

/// A stream that held for this long was a good one: its loss is a first one.
const STEADY: Duration = Duration::from_secs(5);

/// What happened.
#[derive(Debug)]
pub(crate) enum Step {
    /// The stream brought something; may be empty.
    Outputs(Vec<Output>),
    /// The daemon is missed; said once for each outage.
    Outage,
    /// Ctrl-C.
    Interrupt,
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    socket: PathBuf,
    /// None until the first input of a new one.
    session_id: Option<String>,
    client: Client,
    /// None while detached.
    frames: Option<Streaming<Frame>>,
    attached_at: Instant,
    transcript: Transcript,
    patience: Patience,
    /// Whether the stream was lost and the wait that follows is still to come.
    is_wait_due: bool,
    interrupts: Signal,
    /// Model for the next input; empty keeps the session's.
    model: String,
}

impl Talk {
    /// A conversation from its start, or from after `seq`. Nothing is sent yet.
    pub(crate) fn starting_after(seq: u64, opening: Opening) -> io::Result<Self> {
        Ok(Self {
            socket: opening.place.socket,
            session_id: opening.session.map(|session| session.session_id),
            client: opening.client,
            frames: None,
            attached_at: Instant::now(),
            transcript: Transcript::starting_after(seq),
            patience: Patience::default(),
            is_wait_due: false,
            interrupts: signal(SignalKind::interrupt())?,
            model: opening.model,
        })
    }

    pub(crate) const fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The conversation's id; none before the first input of a new one.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Whether it is the user's move.
    pub(crate) const fn is_idle(&self) -> bool {
        self.session_id.is_none() || self.transcript.is_idle()
    }

    /// Waits for the next thing that happens. May be dropped at any time: state changes only
    /// between waits.
    pub(crate) async fn next(&mut self) -> Result<Step, ReplError> {
        if self.is_wait_due {
            return self.outwait().await;
        }
        let stream = async {
            if let Some(frames) = &mut self.frames {
                let frame = tokio::time::timeout(SILENCE, frames.message()).await;
                return match frame {
                    // Somebody made us stop; we are not to come back.
                    Ok(Err(status)) if status.code() == Code::PermissionDenied => {
                        Err(Loss::Final(Failure::from(status)))
                    }
                    // Why a stream ended shows when it is attached again.
                    frame => Ok(Arrival::Frame(frame.ok().and_then(Result::ok).flatten())),
                };
            }
            let Some(session_id) = &self.session_id else {
                return std::future::pending().await;
            };
            let after_seq = self.transcript.last_seq();
            attach(&self.client, session_id, after_seq)
                .await
                .map(Arrival::Stream)
        };
        let arrival = tokio::select! {
            biased;
            _ = self.interrupts.recv() => return Ok(Step::Interrupt),
            arrival = stream => arrival,
        };
        match arrival {
            Ok(Arrival::Stream(frames)) => {
                self.frames = Some(frames);
                self.attached_at = Instant::now();
                Ok(Step::Outputs(Vec::new()))
            }
            Ok(Arrival::Frame(Some(frame))) => Ok(Step::Outputs(self.on_frame(frame))),
            Ok(Arrival::Frame(None)) | Err(Loss::Passing) => {
                self.detach();
                Ok(Step::Outputs(Vec::new()))
            }
            Err(Loss::Final(failure)) => Err(ReplError::Refused(failure)),
        }
    }

    fn detach(&mut self) {
        if self.frames.take().is_some() && self.attached_at.elapsed() >= STEADY {
            self.patience.on_progress();
        }
        self.is_wait_due = true;
    }

    fn on_frame(&mut self, frame: Frame) -> Vec<Output> {
        let is_sign_of_life = matches!(&frame.frame, Some(Kind::Heartbeat(_) | Kind::Delta(_)));
        let last_seq = self.transcript.last_seq();
        let outputs = self.transcript.on(frame);
        // A stream that is accepted and closed over and over is no progress.
        if is_sign_of_life || self.transcript.last_seq() > last_seq {
            self.patience.on_progress();
        }
        if outputs.contains(&Output::Lost) {
            self.detach();
        }
        outputs
    }

    /// Waits before the daemon is tried again, then connects anew.
    async fn outwait(&mut self) -> Result<Step, ReplError> {
        let is_news = !self.patience.is_tried();
        let wait = self
            .patience
            .on_loss(Instant::now())
            .ok_or(ReplError::Gone)?;
        tokio::select! {
            biased;
            _ = self.interrupts.recv() => return Ok(Step::Interrupt),
            () = tokio::time::sleep(wait) => {}
        }
        self.is_wait_due = false;
        match connect(&self.socket).await {
            Ok(client) => {
                self.client = client;
                Ok(Step::Outputs(Vec::new()))
            }
            // Another daemon than we spoke to came back; waiting does not change that.
            Err(
                source @ (ConnectError::Forbidden { .. }
                | ConnectError::DaemonTooOld(_)
                | ConnectError::ClientTooOld(_)),
            ) => Err(ReplError::Connect { source, home: None }),
            Err(_) if is_news => Ok(Step::Outage),
            Err(_) => Ok(Step::Outputs(Vec::new())),
        }
    }

    /// Sends an input; the first one of a new conversation begins it.
    pub(crate) async fn submit(&mut self, text: &str) -> Result<(), ReplError> {
        let session_id = match &self.session_id {
            Some(session_id) => session_id.clone(),
            None => self.create().await?,
        };
        let request = SubmitRequest {
            meta: Some(new_meta()),
            session_id,
            text: text.to_owned(),
            model: self.model.clone(),
        };
        let answer = self
            .until_answered(async |client| client.turns().submit(request.clone()).await)
            .await?;
        self.transcript.submitted(answer.turn_id, answer.seq);
        self.model.clear();
        Ok(())
    }

    async fn create(&mut self) -> Result<String, ReplError> {
        let request = CreateSessionRequest {
            meta: Some(new_meta()),
            model: self.model.clone(),
        };
        let session = self
            .until_answered(async |client| client.sessions().create(request.clone()).await)
            .await?;
        self.model.clear();
        self.session_id = Some(session.session_id.clone());
        Ok(session.session_id)
    }

    /// Makes a call. A daemon that restarts meanwhile is waited for and asked again: the id of the
    /// request keeps it from being carried out twice.
    async fn until_answered<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<Response<T>, Status>,
    ) -> Result<T, ReplError> {
        loop {
            let answer = tokio::select! {
                biased;
                _ = self.interrupts.recv() => return Err(ReplError::Interrupted),
                answer = tokio::time::timeout(CALL, call(&self.client)) => answer,
            };
            let loss = match answer {
                Ok(Ok(answer)) => {
                    self.patience.on_progress();
                    return Ok(answer.into_inner());
                }
                Ok(Err(status)) => Loss::from(status),
                Err(_) => Loss::Passing,
            };
            if let Loss::Final(failure) = loss {
                return Err(ReplError::Refused(failure));
            }
            if matches!(self.outwait().await?, Step::Interrupt) {
                return Err(ReplError::Interrupted);
            }
        }
    }

    /// Asks the daemon to end the running turn. True where there was one; its end comes with the
    /// stream.
    pub(crate) async fn interrupt(&mut self) -> Result<bool, ReplError> {
        let request = InterruptRequest {
            meta: Some(new_meta()),
            session_id: self.session_id.clone().unwrap_or_default(),
            turn_id: self
                .transcript
                .running_turn_id()
                .unwrap_or_default()
                .to_owned(),
        };
        let mut turns = self.client.turns();
        let answer = tokio::select! {
            biased;
            _ = self.interrupts.recv() => return Err(ReplError::Interrupted),
            answer = tokio::time::timeout(CALL, turns.interrupt(request)) => answer,
        };
        match answer {
            Ok(Ok(answer)) => {
                let was_running = answer.into_inner().was_running;
                if !was_running {
                    self.transcript.nothing_runs();
                }
                Ok(was_running)
            }
            Ok(Err(status)) => Err(ReplError::Refused(Failure::from(status))),
            Err(_) => Err(no_answer()),
        }
    }
}

/// What the wait for the stream brought.
enum Arrival {
    /// A new stream.
    Stream(Streaming<Frame>),
    /// The next frame; none where the stream ended.
    Frame(Option<Frame>),
}

/// Why a call has no answer.
#[derive(Debug, PartialEq, Eq)]
enum Loss {
    /// The daemon went away; it may come back.
    Passing,
    /// The daemon said no.
    Final(Failure),
}

impl From<Status> for Loss {
    fn from(status: Status) -> Self {
        // A status that the daemon sent has no source; one that the transport made has.
        let is_transport = std::error::Error::source(&status).is_some();
        if is_transport || status.code() == Code::Unavailable {
            return Self::Passing;
        }
        Self::Final(Failure::from(status))
    }
}

async fn attach(
    client: &Client,
    session_id: &str,
    after_seq: u64,
) -> Result<Streaming<Frame>, Loss> {
    let request = AttachRequest {
        session_id: session_id.to_owned(),
        after_seq,
    };
    let mut events = client.events();
    match tokio::time::timeout(CALL, events.attach(request)).await {
        Ok(Ok(frames)) => Ok(frames.into_inner()),
        Ok(Err(status)) => Err(Loss::from(status)),
        Err(_) => Err(Loss::Passing),
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::{ErrorCode, to_status};

    use super::*;

    #[test]
    fn a_daemon_that_shuts_down_may_come_back_and_one_that_says_no_does_not_change_its_mind() {
        for code in [
            ErrorCode::ShuttingDown,
            ErrorCode::Unavailable,
            ErrorCode::Busy,
        ] {
            assert_eq!(Loss::from(to_status(code, "why")), Loss::Passing, "{code}");
        }
        for code in [ErrorCode::NoModel, ErrorCode::Conflict, ErrorCode::NotFound] {
            let failure = Failure {
                code,
                message: "why".to_owned(),
            };
            assert_eq!(
                Loss::from(to_status(code, "why")),
                Loss::Final(failure),
                "{code}"
            );
        }
    }
}
