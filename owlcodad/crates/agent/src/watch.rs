//! Clients that watch a session: what they get, and how the session's task hands it over.
//!
//! The task registers a client and reads the head in one step, so what is at most the head is
//! replayed from the store and what comes after it is live: nothing is missed, nothing comes twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use owlcoda_store::Sessions;
use owlcoda_types::TurnId;
use tokio::sync::{mpsc, watch};

use crate::AgentError;
use crate::event::{Delta, Event};
use crate::hub::SessionInfo;
use crate::log::PAGE_EVENTS;
use crate::session::Command;

/// Most live frames that wait for a client. One that is further behind is let go with a gap.
const MAX_WAITING_FRAMES: usize = 1024;

/// Most clients that watch one session.
const MAX_SUBSCRIBERS: usize = 64;

/// One message to a client that watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A durable event, each exactly once and in order.
    Event(Arc<Event>),
    /// What an open item holds already; its offset is 0.
    Snapshot(Delta),
    /// What follows happens now. Comes once.
    Live,
    /// Text of an open item as it arrives.
    Delta(Arc<Delta>),
    /// The client was too slow, or the session's task broke off: attach again. The last frame.
    Gap {
        /// The last event that was given.
        resume_after: u64,
    },
}

/// Where a session stands, for those who only look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) head_seq: u64,
    pub(crate) running: Option<TurnId>,
}

/// A client's place at a session. Dropping it is a detach; the turn goes on.
#[derive(Debug)]
pub struct Attached {
    info: SessionInfo,
    store: Sessions,
    /// The last event that was given.
    given_seq: u64,
    page: VecDeque<Event>,
    snapshots: VecDeque<Delta>,
    is_live: bool,
    is_over: bool,
    live: mpsc::Receiver<Frame>,
    is_closed: Arc<AtomicBool>,
    status: watch::Receiver<Status>,
    mailbox: mpsc::WeakSender<Command>,
}

/// What the session's task hands over when a client registers.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) info: SessionInfo,
    pub(crate) store: Sessions,
    pub(crate) snapshots: Vec<Delta>,
    pub(crate) live: Place,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) mailbox: mpsc::WeakSender<Command>,
}

/// The client's end of a queue.
#[derive(Debug)]
pub(crate) struct Place {
    frames: mpsc::Receiver<Frame>,
    /// Whether the queue ended in good order. Any other end, a panic included, is a gap.
    is_closed: Arc<AtomicBool>,
}

impl Attached {
    /// A client that has all events up to `after_seq`.
    pub(crate) fn new(registered: Registered, after_seq: u64) -> Self {
        let Registered {
            info,
            store,
            snapshots,
            live,
            status,
            mailbox,
        } = registered;
        Self {
            given_seq: after_seq.min(info.meta.head_seq),
            info,
            store,
            page: VecDeque::new(),
            snapshots: snapshots.into(),
            is_live: false,
            is_over: false,
            live: live.frames,
            is_closed: live.is_closed,
            status,
            mailbox,
        }
    }

    /// The session when the client came.
    pub const fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// Number of the newest event now, for a heartbeat.
    pub fn head_seq(&self) -> u64 {
        self.status.borrow().head_seq
    }

    /// The next frame: events that were missed, snapshots, [`Frame::Live`], then what happens.
    /// `None` after a gap, and when the daemon shuts down and no turn runs. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read. There is no more after it.
    pub async fn next(&mut self) -> Result<Option<Frame>, AgentError> {
        if self.is_over {
            return Ok(None);
        }
        if self.page.is_empty() && self.given_seq < self.info.meta.head_seq {
            // Only a page of the past is in memory, however long the session is.
            match self.read_page().await {
                Ok(page) => self.page = page,
                Err(error) => {
                    self.is_over = true;
                    return Err(error);
                }
            }
        }
        if let Some(event) = self.page.pop_front() {
            self.given_seq = event.seq;
            return Ok(Some(Frame::Event(Arc::new(event))));
        }
        if let Some(snapshot) = self.snapshots.pop_front() {
            return Ok(Some(Frame::Snapshot(snapshot)));
        }
        if !std::mem::replace(&mut self.is_live, true) {
            return Ok(Some(Frame::Live));
        }
        let frame = self.live.recv().await;
        match &frame {
            Some(Frame::Event(event)) => self.given_seq = event.seq,
            Some(_) => {}
            None => {
                self.is_over = true;
                if !self.is_closed.load(Ordering::Acquire) {
                    return Ok(Some(Frame::Gap {
                        resume_after: self.given_seq,
                    }));
                }
            }
        }
        Ok(frame)
    }

    async fn read_page(&self) -> Result<VecDeque<Event>, AgentError> {
        let (id, head_seq) = (self.info.meta.id, self.info.meta.head_seq);
        let stored = self.store.events(id, self.given_seq, PAGE_EVENTS).await?;
        let page: VecDeque<Event> = stored
            .iter()
            // What was appended since is in the queue of live frames.
            .take_while(|event| event.seq <= head_seq)
            .map(|event| Event::from_stored(id, event))
            .collect::<Result<_, _>>()?;
        if page.is_empty() {
            let reason = "it is missing".to_owned();
            return Err(AgentError::Unreadable {
                session: id,
                seq: self.given_seq + 1,
                reason,
            });
        }
        Ok(page)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // In this order: the task looks at the queue when it hears that somebody left. If the
        // mailbox is full, the task will look anyway after the next command in it.
        self.live.close();
        if let Some(mailbox) = self.mailbox.upgrade() {
            let _ = mailbox.try_send(Command::Left);
        }
    }
}

/// The session's end of all queues.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    all: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    frames: mpsc::Sender<Frame>,
    is_closed: Arc<AtomicBool>,
}

impl Subscribers {
    /// Opens a queue; it gets what is shown from now on.
    pub(crate) fn register(&mut self) -> Result<Place, AgentError> {
        if self.n_watching() >= MAX_SUBSCRIBERS {
            return Err(AgentError::Busy("too many clients watch this session"));
        }
        let (tx, frames) = mpsc::channel(MAX_WAITING_FRAMES);
        let is_closed = Arc::new(AtomicBool::new(false));
        self.all.push(Subscriber {
            frames: tx,
            is_closed: Arc::clone(&is_closed),
        });
        Ok(Place { frames, is_closed })
    }

    /// Hands `frame` to everyone, waiting for no one: who is too slow is let go.
    pub(crate) fn show(&mut self, frame: &Frame) {
        self.all
            .retain(|subscriber| subscriber.frames.try_send(frame.clone()).is_ok());
    }

    /// Lets everyone go in good order: there is nothing more to come.
    pub(crate) fn close(&mut self) {
        for subscriber in self.all.drain(..) {
            subscriber.is_closed.store(true, Ordering::Release);
        }
    }

    /// Clients that are still there.
    pub(crate) fn n_watching(&mut self) -> usize {
        self.all.retain(|subscriber| !subscriber.frames.is_closed());
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_types::ItemId;

    use super::*;
    use crate::event::Channel;

    fn delta(offset: usize) -> Frame {
        let item = ItemId::from_bytes([1; 16]);
        let text = "x".to_owned();
        Frame::Delta(Arc::new(Delta {
            item,
            channel: Channel::Text,
            offset,
            text,
        }))
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_let_go_and_the_others_stay() {
        let mut subscribers = Subscribers::default();
        let mut slow = subscribers.register().unwrap();
        let mut quick = subscribers.register().unwrap();
        for offset in 0..=MAX_WAITING_FRAMES {
            subscribers.show(&delta(offset));
            assert_eq!(quick.frames.recv().await, Some(delta(offset)));
        }
        assert_eq!(subscribers.n_watching(), 1);
        for offset in 0..MAX_WAITING_FRAMES {
            assert_eq!(slow.frames.recv().await, Some(delta(offset)));
        }
        assert_eq!(slow.frames.recv().await, None);
        subscribers.close();
        let in_order = [&slow, &quick].map(|place| place.is_closed.load(Ordering::Acquire));
        assert_eq!(in_order, [false, true]);
    }

    #[test]
    fn a_client_that_left_makes_room() {
        let mut subscribers = Subscribers::default();
        let mut places: Vec<_> = (0..MAX_SUBSCRIBERS)
            .map(|_| subscribers.register().unwrap())
            .collect();
        assert!(matches!(subscribers.register(), Err(AgentError::Busy(_))));
        places.pop();
        assert!(subscribers.register().is_ok());
    }
}
