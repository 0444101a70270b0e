//! The audit from one end to the other, and what is recorded later.
//!
//! Nothing is queued for a reader: it is asked for the next page once it has taken the one before, and
//! it is its own number that says where to go on.

use std::time::Duration;

use futures_util::stream::unfold;
use owlcoda_proto::v1;
use owlcoda_store::{Audit, AuditOrder, AuditQuery, AuditStarts, StoreError};
use owlcoda_supervise::Shutdown;
use tokio::sync::watch;
use tonic::Status;

use super::{Answers, answer};
use crate::convert;

/// Between two tries while the newest records cannot be read.
const AGAIN: Duration = Duration::from_secs(1);

/// A reader and where it is.
#[derive(Debug)]
pub(super) struct Reading {
    audit: Audit,
    shutdown: Shutdown,
    newest: watch::Receiver<u64>,
    query: AuditQuery,
    /// Number of the newest record when this round of pages began; `None` between two.
    round: Option<u64>,
    follows: bool,
    /// Whether the reader knows where it is.
    has_told: bool,
    is_over: bool,
}

impl Reading {
    pub(super) fn new(audit: &Audit, query: AuditQuery, shutdown: Shutdown) -> Self {
        Self {
            newest: audit.newest(),
            audit: audit.clone(),
            shutdown,
            query: AuditQuery {
                order: AuditOrder::OldestFirst,
                starts: AuditStarts::Hidden,
                ..query
            },
            round: None,
            follows: false,
            has_told: false,
            is_over: false,
        }
    }

    /// Its pages, one by one.
    pub(super) fn pages(
        mut self,
        follows: bool,
        from_now: bool,
    ) -> Answers<v1::QueryAuditResponse> {
        self.follows = follows;
        if from_now {
            self.query.after_seq = Some(*self.newest.borrow());
        }
        Box::pin(unfold(self, Self::step))
    }

    /// The next page. Who reads on does not hold up the end of the daemon.
    async fn step(mut self) -> Option<(Result<v1::QueryAuditResponse, Status>, Self)> {
        loop {
            if self.is_over {
                return None;
            }
            if self.round.is_none() {
                let newest = *self.newest.borrow_and_update();
                let is_new = self.query.after_seq.is_none_or(|seen| newest > seen);
                if self.has_told && !is_new {
                    if !self.follows {
                        return None;
                    }
                    self.wait().await?;
                    continue;
                }
                self.round = Some(newest);
            }
            match self.audit.query(self.query.clone()).await {
                Ok(page) => {
                    let is_empty = page.records.is_empty() && page.missing.is_empty();
                    let last_seq = page.records.last().map_or(0, |(seq, _)| *seq);
                    let seen = self.query.after_seq.unwrap_or(0);
                    let seen_seq = match page.next {
                        Some(next) => next,
                        None => self.round.take().unwrap_or(0).max(last_seq).max(seen),
                    };
                    self.is_over = self.round.is_none() && !self.follows;
                    self.query.after_seq = Some(seen_seq);
                    if is_empty && page.damaged.is_empty() && self.has_told && !self.is_over {
                        continue;
                    }
                    self.has_told = true;
                    let mut answer = answer(page, AuditOrder::OldestFirst);
                    answer.seen_seq = seen_seq;
                    return Some((Ok(answer), self));
                }
                // The disk is full, mostly, and there will be room.
                Err(StoreError::Poisoned { .. }) if self.follows => {
                    tokio::select! {
                        () = self.shutdown.draining().cancelled() => return None,
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                }
                Err(error) => {
                    self.is_over = true;
                    return Some((Err(convert::store_error(&error)), self));
                }
            }
        }
    }

    /// Returns once something new is recorded; `None` where the daemon ends.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            biased;
            () = self.shutdown.draining().cancelled() => None,
            changed = self.newest.changed() => changed.ok(),
        }
    }
}
