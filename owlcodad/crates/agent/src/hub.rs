//! The way in: finds or starts the task of a session and asks it.

use std::collections::HashMap;
use std::sync::Arc;

use owlcoda_pipeline::Pipeline;
use owlcoda_store::{SessionMeta, Sessions, Store};
use owlcoda_supervise::{OnExit, Phase, Supervisor};
use owlcoda_types::{Clock, SessionId, TurnId};
use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use crate::AgentError;
use crate::log::SessionLog;
use crate::recent::{Recent, check_request_id};
use crate::session::{self, Command, Reply, Start};
use crate::watch::{Attached, Status};

/// Most bytes of one input.
pub const MAX_INPUT_BYTES: usize = 1 << 20;

/// Most commands that wait for a session's task; one more is refused as busy.
const MAX_WAITING_COMMANDS: usize = 64;

/// Most sessions in use at a time: with a turn or with a client.
const MAX_ACTIVE: usize = 256;

/// Most sessions in one answer.
const MAX_LISTED: usize = 1000;

/// A session as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// What is written down.
    pub meta: SessionMeta,
    /// The turn that runs now.
    pub running_turn: Option<TurnId>,
}

/// An input that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The turn that answers it.
    pub turn: TurnId,
    /// Number of the event that admitted it.
    pub seq: u64,
}

/// Every conversation of this daemon. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Agent {
    hub: Arc<Hub>,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) store: Sessions,
    pub(crate) pipeline: Pipeline,
    pub(crate) supervisor: Supervisor,
    pub(crate) clock: Arc<dyn Clock>,
    /// Commands are sent under this lock and in no other way: a task that holds it and sees its
    /// mailbox empty can leave without losing one.
    active: Mutex<HashMap<SessionId, Active>>,
    /// Held while a session is made, so that the same request makes one.
    created: tokio::sync::Mutex<Recent<SessionId, 256>>,
}

/// A session that a task owns.
#[derive(Debug)]
struct Active {
    mailbox: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

impl Agent {
    /// Keeps conversations in `store` and asks models through `pipeline`. Their tasks are
    /// `supervisor`'s and follow its phases: draining refuses new turns and lets the running ones
    /// end, stopping ends them as interrupted.
    pub fn new(
        store: &Store,
        pipeline: Pipeline,
        supervisor: Supervisor,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            hub: Arc::new(Hub {
                store: store.sessions(),
                pipeline,
                supervisor,
                clock,
                active: Mutex::default(),
                created: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Makes a session with the model of that name, or with the default model; durable on return.
    /// The same `request_id` again answers with the session that it made; an empty one is none.
    ///
    /// # Errors
    ///
    /// `Model` where the name leads to no model, or there is none.
    pub async fn create(
        &self,
        model: Option<&str>,
        request_id: &str,
    ) -> Result<SessionInfo, AgentError> {
        check_request_id(request_id)?;
        let mut created = self.hub.created.lock().await;
        if let Some(id) = created.get(request_id) {
            return self.get(id).await;
        }
        if self.hub.supervisor.shutdown().phase() != Phase::Running {
            return Err(AgentError::ShuttingDown);
        }
        let model = self.hub.model_name(model)?;
        let meta = SessionLog::create(&self.hub.store, &*self.hub.clock, model).await?;
        created.keep(request_id, meta.id);
        Ok(SessionInfo {
            meta,
            running_turn: None,
        })
    }

    /// The sessions that changed last, newest first; `limit` is at most 1000.
    pub async fn list(&self, limit: usize) -> Result<Vec<SessionInfo>, AgentError> {
        let metas = self.hub.store.list(limit.min(MAX_LISTED)).await?;
        let active = self.hub.active.lock();
        let with_turn = |meta: SessionMeta| SessionInfo {
            running_turn: active.get(&meta.id).and_then(Active::running_turn),
            meta,
        };
        Ok(metas.into_iter().map(with_turn).collect())
    }

    /// The session `id`.
    pub async fn get(&self, id: SessionId) -> Result<SessionInfo, AgentError> {
        let Some(meta) = self.hub.store.get(id).await? else {
            return Err(AgentError::NotFound { session: id });
        };
        let running_turn = self
            .hub
            .active
            .lock()
            .get(&id)
            .and_then(Active::running_turn);
        Ok(SessionInfo { meta, running_turn })
    }

    /// The session that changed last.
    pub async fn last(&self) -> Result<SessionInfo, AgentError> {
        let newest = self.list(1).await?.pop();
        newest.ok_or(AgentError::NoSessions)
    }

    /// Admits an input and starts a turn; the input is durable on return. With `model` the session
    /// uses that model from here on. The same `request_id` again (of the session's last 64) answers
    /// as the first time, also after a restart; an empty one is none.
    ///
    /// # Errors
    ///
    /// `TurnRuns` while another turn runs, `Model` where the name leads to no model, `Invalid` for
    /// an input without a word, `InputTooLarge` above [`MAX_INPUT_BYTES`], `ShuttingDown` from the
    /// start of draining. None of these changes the session.
    pub async fn submit(
        &self,
        id: SessionId,
        text: String,
        model: Option<String>,
        request_id: &str,
    ) -> Result<Submitted, AgentError> {
        check_request_id(request_id)?;
        if text.len() > MAX_INPUT_BYTES {
            let n_bytes = text.len();
            return Err(AgentError::InputTooLarge {
                n_bytes,
                limit: MAX_INPUT_BYTES,
            });
        }
        if text.trim().is_empty() {
            return Err(AgentError::Invalid("the input is empty"));
        }
        let request_id = request_id.to_owned();
        self.ask(id, |reply| Command::Submit {
            text,
            model,
            request_id,
            reply,
        })
        .await
    }

    /// Ends the turn that runs, or only `turn` where it is named: what was said so far is kept and
    /// durable on return. False where no such turn ran.
    pub async fn interrupt(&self, id: SessionId, turn: Option<TurnId>) -> Result<bool, AgentError> {
        if self.get(id).await?.running_turn.is_none() {
            return Ok(false);
        }
        self.ask(id, |reply| Command::Interrupt { turn, reply })
            .await
    }

    /// Removes a session with everything in it; durable on return. One that cannot be read is removed, too.
    ///
    /// # Errors
    ///
    /// `TurnRuns` and `Watched` where it is in use, `NotFound`, and what the store says.
    pub async fn remove(&self, id: SessionId) -> Result<(), AgentError> {
        let is_active = self.hub.active.lock().contains_key(&id);
        if !is_active && matches!(self.hub.store.get(id).await, Ok(None)) {
            return Err(AgentError::NotFound { session: id });
        }
        let (reply, answer) = oneshot::channel();
        self.hub.send(id, Command::Remove { reply })?;
        answer.await.unwrap_or(Err(AgentError::TaskEnded))
    }

    /// Watches a session, from the event after `after_seq` on; 0 is from its beginning, and a
    /// number past the newest event is taken for the newest.
    pub async fn attach(&self, id: SessionId, after_seq: u64) -> Result<Attached, AgentError> {
        let registered = self.ask(id, |reply| Command::Attach { reply }).await?;
        Ok(Attached::new(registered, after_seq))
    }

    /// Number of sessions in use: with a turn or with a client.
    pub fn n_active(&self) -> usize {
        self.hub
            .active
            .lock()
            .values()
            .filter(|active| !active.mailbox.is_closed())
            .count()
    }

    async fn ask<T>(
        &self,
        id: SessionId,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, AgentError> {
        // Made-up ids cost a look into the store and no task.
        let is_active = self.hub.active.lock().contains_key(&id);
        if !is_active && self.hub.store.get(id).await?.is_none() {
            return Err(AgentError::NotFound { session: id });
        }
        let (reply, answer) = oneshot::channel();
        self.hub.send(id, command(reply))?;
        answer.await.unwrap_or(Err(AgentError::TaskEnded))
    }
}

impl Active {
    fn running_turn(&self) -> Option<TurnId> {
        // A task that broke off leaves its last words behind.
        if self.mailbox.is_closed() {
            None
        } else {
            self.status.borrow().running
        }
    }
}

impl Hub {
    /// Hands `command` to the session's task, and starts one where there is none.
    fn send(self: &Arc<Self>, id: SessionId, command: Command) -> Result<(), AgentError> {
        if self.supervisor.shutdown().phase() == Phase::Stopping {
            return Err(AgentError::ShuttingDown);
        }
        let mut active = self.active.lock();
        let command = match active.get(&id) {
            None => command,
            Some(found) => match found.mailbox.try_send(command) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => {
                    return Err(AgentError::Busy(
                        "the session has too many requests to answer",
                    ));
                }
                // Its task broke off.
                Err(TrySendError::Closed(command)) => command,
            },
        };
        active.retain(|_, active| !active.mailbox.is_closed());
        if active.len() >= MAX_ACTIVE {
            return Err(AgentError::Busy("too many sessions are in use"));
        }
        let (tx, mailbox) = mpsc::channel(MAX_WAITING_COMMANDS);
        // Cannot fail: the queue is new.
        let _ = tx.try_send(command);
        let (status, watched) = watch::channel(Status::default());
        let sender = tx.downgrade();
        active.insert(
            id,
            Active {
                mailbox: tx,
                status: watched,
            },
        );
        drop(active);
        let start = Start {
            hub: Arc::clone(self),
            id,
            mailbox,
            sender,
            status,
        };
        self.supervisor
            .spawn("session", OnExit::Report, |stop| session::run(start, stop));
        Ok(())
    }

    /// Forgets a session whose task ends; only its task calls this.
    pub(crate) fn forget(&self, id: SessionId) {
        self.active.lock().remove(&id);
    }

    /// The same, unless a command waits.
    pub(crate) fn forget_if_idle(&self, id: SessionId, mailbox: &mpsc::Receiver<Command>) -> bool {
        let mut active = self.active.lock();
        let is_idle = mailbox.is_empty();
        if is_idle {
            active.remove(&id);
        }
        is_idle
    }

    /// The name that a new session keeps: as asked for, or the default model's own.
    fn model_name(&self, asked: Option<&str>) -> Result<String, AgentError> {
        let snapshot = self.pipeline.snapshot();
        let registry = &snapshot.registry;
        match asked {
            Some(name) => registry.resolve(name).map(|_| name.to_owned()),
            None => registry
                .default_model()
                .map(|model| model.id.clone())
                .ok_or_else(|| registry.no_models()),
        }
        .map_err(|error| AgentError::Model(error.into()))
    }
}
