//! The task that owns a session while it is in use: commands and model events in, effects out.
//!
//! It ends when nobody watches, no turn runs and its mailbox is empty; the next request loads the
//! session again. It never waits for a client, only for the store.

mod removal;

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use owlcoda_pipeline::{CacheWish, Call, Client, Delivery, Request, Route};
use owlcoda_store::StoreError;
use owlcoda_supervise::{CancellationToken, Phase};
use owlcoda_types::{ItemId, RequestId, SessionId, TurnId};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, warn};

use crate::AgentError;
use crate::call::ModelCall;
use crate::hub::{Hub, SessionInfo, Submitted};
use crate::log::SessionLog;
use crate::machine::{Effect, Input, Submit, Turn};
use crate::watch::{Frame, Registered, Status, Subscribers};

/// Most model events that are taken in before clients see them.
const MAX_TOGETHER: usize = 64;

/// Where an answer goes. Nobody may be there any more.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, AgentError>>;

/// What a session is asked.
#[derive(Debug)]
pub(crate) enum Command {
    /// Start a turn.
    Submit {
        text: String,
        model: Option<String>,
        request_id: String,
        reply: Reply<Submitted>,
    },
    /// End the turn that runs, or only this one.
    Interrupt {
        turn: Option<TurnId>,
        reply: Reply<bool>,
    },
    /// Somebody wants to watch.
    Attach { reply: Reply<Registered> },
    /// Nobody wants it any more.
    Remove { reply: Reply<()> },
    /// Somebody watches no longer.
    Left,
}

impl Command {
    fn refuse(self, error: &AgentError) {
        let error = error.for_others();
        // Whoever asked may be gone; then nobody needs the answer.
        match self {
            Self::Submit { reply, .. } => drop(reply.send(Err(error))),
            Self::Interrupt { reply, .. } => drop(reply.send(Err(error))),
            Self::Attach { reply } => drop(reply.send(Err(error))),
            Self::Remove { reply } => drop(reply.send(Err(error))),
            Self::Left => {}
        }
    }
}

/// Why a session's task ends, other than by an error. The hub has forgotten it by then.
enum Leave {
    /// Nobody needs it, and its mailbox is empty.
    Unused,
    /// The daemon stops.
    Stopped,
    /// There is no such session any more.
    Removed,
}

/// What a session's task starts with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: SessionId,
    pub(crate) mailbox: mpsc::Receiver<Command>,
    /// For clients, to say that they left.
    pub(crate) sender: mpsc::WeakSender<Command>,
    pub(crate) status: watch::Sender<Status>,
}

/// Runs a session to its end.
pub(crate) async fn run(start: Start, stop: CancellationToken) {
    let Start {
        hub,
        id,
        mut mailbox,
        sender,
        status,
    } = start;
    let served = match SessionLog::load(hub.store.clone(), Arc::clone(&hub.clock), id).await {
        Ok(log) => {
            let session = Session {
                hub: Arc::clone(&hub),
                log,
                turn: Turn::default(),
                call: ModelCall::None,
                subscribers: Subscribers::default(),
                effects: Vec::new(),
                is_removed: false,
                sender,
                status,
            };
            session.serve(&mut mailbox, &stop).await
        }
        Err(error) => {
            removal::of_unreadable(&hub, id, &mut mailbox, &error).await;
            hub.forget(id);
            Err(error)
        }
    };
    let error = match served {
        Ok(Leave::Unused) => return,
        Ok(Leave::Stopped) => AgentError::ShuttingDown,
        Ok(Leave::Removed) => AgentError::NotFound { session: id },
        Err(error) => {
            error!(session.id = %id, error.code = error.code().as_str(), %error, "session ended");
            error
        }
    };
    // The hub has forgotten it, so nobody sends any more; who already did gets an answer.
    while let Ok(command) = mailbox.try_recv() {
        command.refuse(&error);
    }
}

#[derive(Debug)]
struct Session {
    hub: Arc<Hub>,
    log: SessionLog,
    turn: Turn,
    call: ModelCall,
    subscribers: Subscribers,
    /// Empty between two steps.
    effects: Vec<Effect>,
    is_removed: bool,
    sender: mpsc::WeakSender<Command>,
    status: watch::Sender<Status>,
}

enum Heard {
    Stop,
    Drain,
    Command(Command),
    Call(Input),
}

impl Session {
    async fn serve(
        mut self,
        mailbox: &mut mpsc::Receiver<Command>,
        stop: &CancellationToken,
    ) -> Result<Leave, AgentError> {
        self.publish_status();
        let draining = self.hub.supervisor.shutdown().draining().clone();
        let mut is_draining = draining.is_cancelled();
        loop {
            // Every branch is cancel-safe. Commands go before the model's events, so that a fast
            // model cannot keep an interrupt waiting.
            let heard = tokio::select! {
                biased;
                () = stop.cancelled() => Heard::Stop,
                () = draining.cancelled(), if !is_draining => Heard::Drain,
                Some(command) = mailbox.recv() => Heard::Command(command),
                input = self.call.next() => Heard::Call(input),
            };
            let done = match heard {
                Heard::Stop => {
                    self.turn
                        .on(Input::Interrupt, Instant::now(), &mut self.effects);
                    self.perform().await
                }
                Heard::Drain => {
                    is_draining = true;
                    Ok(())
                }
                Heard::Command(command) => self.obey(command).await,
                Heard::Call(input) => self.hear(input).await,
            };
            let id = self.log.meta().id;
            if let Err(error) = done {
                // The log may or may not have it. Whoever watches gets a gap, and whoever comes
                // next reads how it stands: not before the hub has forgotten this task.
                self.hub.forget(id);
                return Err(error.into());
            }
            if self.is_removed {
                self.hub.forget(id);
                return Ok(Leave::Removed);
            }
            if stop.is_cancelled() && self.turn.running().is_none() {
                self.hub.forget(id);
                self.subscribers.close();
                return Ok(Leave::Stopped);
            }
            let is_unused = is_draining || self.subscribers.n_watching() == 0;
            if self.turn.running().is_none() && is_unused && self.hub.forget_if_idle(id, mailbox) {
                self.subscribers.close();
                return Ok(Leave::Unused);
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Submit {
                text,
                model,
                request_id,
                reply,
            } => {
                if let Some(first) = self.log.submitted().get(&request_id) {
                    let _ = reply.send(Ok(first));
                    return Ok(());
                }
                match self.admit(text, model, request_id) {
                    Ok(submit) => self.submit(submit, reply).await,
                    Err(error) => {
                        let _ = reply.send(Err(error));
                        Ok(())
                    }
                }
            }
            Command::Interrupt { turn, reply } => {
                let running = self.turn.running();
                let is_meant = running.is_some() && turn.is_none_or(|turn| running == Some(turn));
                if is_meant {
                    self.turn
                        .on(Input::Interrupt, Instant::now(), &mut self.effects);
                    self.perform().await?;
                }
                let _ = reply.send(Ok(is_meant));
                Ok(())
            }
            Command::Attach { reply } => {
                let _ = reply.send(self.register());
                Ok(())
            }
            Command::Remove { reply } => {
                let _ = reply.send(self.remove().await);
                Ok(())
            }
            Command::Left => Ok(()),
        }
    }

    /// Checks an input while nothing has changed yet.
    fn admit(
        &self,
        text: String,
        model: Option<String>,
        request_id: String,
    ) -> Result<Submit, AgentError> {
        if self.hub.supervisor.shutdown().phase() != Phase::Running {
            return Err(AgentError::ShuttingDown);
        }
        if let Some(turn) = self.turn.running() {
            return Err(AgentError::TurnRuns { turn });
        }
        let before = &self.log.meta().model;
        let model = model.unwrap_or_else(|| before.clone());
        let snapshot = self.hub.pipeline.snapshot();
        snapshot
            .registry
            .resolve(&model)
            .map_err(|error| AgentError::Model(error.into()))?;
        Ok(Submit {
            text,
            request_id,
            is_model_new: model != *before,
            model,
            turn: TurnId::generate(),
            item: ItemId::generate(),
        })
    }

    async fn submit(&mut self, submit: Submit, reply: Reply<Submitted>) -> Result<(), StoreError> {
        let turn = submit.turn;
        // The input is the first event, or comes after the change of model.
        let seq = self.log.meta().head_seq + 1 + u64::from(submit.is_model_new);
        self.turn
            .on(Input::Submit(submit), Instant::now(), &mut self.effects);
        let done = self.perform().await;
        let answer = match &done {
            Ok(()) => Ok(Submitted { turn, seq }),
            Err(error) => Err(AgentError::Unusable {
                code: error.code(),
                message: error.to_string(),
            }),
        };
        let _ = reply.send(answer);
        done
    }

    /// Takes in what the model says, and what more of it is there already.
    async fn hear(&mut self, input: Input) -> Result<(), StoreError> {
        let now = Instant::now();
        self.turn.on(input, now, &mut self.effects);
        for _ in 1..MAX_TOGETHER {
            if self.turn.running().is_none() {
                break;
            }
            let Some(input) = self.call.next().now_or_never() else {
                break;
            };
            self.turn.on(input, now, &mut self.effects);
        }
        self.perform().await
    }

    fn register(&mut self) -> Result<Registered, AgentError> {
        let live = self.subscribers.register()?;
        let info = SessionInfo {
            meta: self.log.meta().clone(),
            running_turn: self.turn.running(),
        };
        Ok(Registered {
            info,
            store: self.log.store().clone(),
            snapshots: self.turn.snapshots(),
            live,
            status: self.status.subscribe(),
            mailbox: self.sender.clone(),
        })
    }

    async fn perform(&mut self) -> Result<(), StoreError> {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Append { turn, events } => {
                    let events = self.log.append(turn, events).await?;
                    self.publish_status();
                    for event in events {
                        self.subscribers.show(&Frame::Event(event));
                    }
                }
                Effect::Call => self.call = self.open_call(),
                Effect::CancelCall => self.call = ModelCall::None,
                Effect::Delta(delta) => self.subscribers.show(&Frame::Delta(Arc::new(delta))),
            }
        }
        self.effects = effects;
        if self.turn.running().is_none() {
            self.call = ModelCall::None;
        }
        Ok(())
    }

    fn open_call(&self) -> ModelCall {
        let asked = &self.log.meta().model;
        let snapshot = self.hub.pipeline.snapshot();
        // By its id the call reaches the model whose window was looked at. A name that a new
        // configuration has just taken away is left to the call to refuse.
        let (model, window) = match snapshot.registry.resolve(asked) {
            Ok(model) => (model.id.as_str(), model.context_window),
            Err(error) => {
                warn!(%error, "the model of a turn is gone");
                (asked.as_str(), None)
            }
        };
        let request = self.log.conversation().next_request(model, window);
        let call = Call {
            id: RequestId::generate(),
            at_ms: self.hub.clock.now_ms(),
            received: Instant::now(),
            route: Route::Agent,
            request: Request::Messages(Box::new(request)),
            session: Some(self.log.meta().id),
            raw: None,
            forwarded: Vec::new(),
            hops: 0,
            cache: CacheWish::Unsaid,
            client: Client::Agent,
            n_bytes_in: 0,
            delivery: Delivery::default(),
            seen: None,
        };
        ModelCall::open(&self.hub.pipeline, call)
    }

    fn publish_status(&self) {
        let head_seq = self.log.meta().head_seq;
        self.status.send_replace(Status {
            head_seq,
            running: self.turn.running(),
        });
    }
}
