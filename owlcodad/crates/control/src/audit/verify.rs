//! Every record that there is, read: checksums, numbers, anchors.
//!
//! Page by page, as any question, so that it takes one of the places of readers and nobody waits.

use std::time::{Duration, Instant};

use futures_util::stream::unfold;
use owlcoda_proto::v1;
use owlcoda_store::{AuditOrder, AuditPage, AuditQuery, AuditStarts, Store};
use tonic::Status;

use super::Answers;
use crate::convert;

/// Whoever waits hears how far it is this often.
const TELL: Duration = Duration::from_millis(200);

/// Most problems in words.
const MAX_PROBLEMS: usize = 100;

struct Verifying {
    store: Store,
    query: Option<AuditQuery>,
    found: v1::AuditVerification,
}

/// How far it has come, now and then, and at the end what is wrong.
pub(super) fn of(store: &Store) -> Answers<v1::AuditVerification> {
    let stats = store.stats();
    let verifying = Verifying {
        query: Some(AuditQuery {
            limit: usize::MAX,
            order: AuditOrder::OldestFirst,
            starts: AuditStarts::All,
            // What comes meanwhile is for the next time.
            before_seq: Some(stats.last_audit_seq + 1),
            ..AuditQuery::default()
        }),
        found: v1::AuditVerification {
            first_seq: stats.first_audit_seq,
            last_seq: stats.last_audit_seq,
            ..v1::AuditVerification::default()
        },
        store: store.clone(),
    };
    Box::pin(unfold(verifying, Verifying::step))
}

impl Verifying {
    async fn step(mut self) -> Option<(Result<v1::AuditVerification, Status>, Self)> {
        self.query.as_ref()?;
        let audit = self.store.audit();
        let started = Instant::now();
        while let Some(asked) = self.query.take() {
            let page = match audit.query(asked.clone()).await {
                Ok(page) => page,
                Err(error) => return Some((Err(convert::store_error(&error)), self)),
            };
            self.query = asked.following(&page);
            self.take(&page);
            if started.elapsed() >= TELL {
                break;
            }
        }
        if self.query.is_none() {
            match audit.check_anchors().await {
                Ok(problems) => self.found.problems.extend(problems),
                Err(error) => return Some((Err(convert::store_error(&error)), self)),
            }
            self.found.is_done = true;
        }
        Some((Ok(self.found.clone()), self))
    }

    fn take(&mut self, page: &AuditPage) {
        let found = &mut self.found;
        found.n_records += page.records.len() as u64;
        found.n_damaged += page.damaged.len() as u64;
        let damaged = page.damaged.iter().map(|seq| (*seq, *seq));
        let missing = page.missing.iter().copied();
        let first_bad = damaged
            .clone()
            .chain(missing.clone())
            .map(|(seq, _)| seq)
            .min();
        if found.first_bad_seq == 0 {
            found.first_bad_seq = first_bad.unwrap_or(0);
        }
        for (from, to) in missing {
            found.n_missing += to - from + 1;
            if found.problems.len() < MAX_PROBLEMS {
                found
                    .problems
                    .push(format!("audit records {from} to {to} are missing"));
            }
        }
        for (seq, _) in damaged {
            if found.problems.len() < MAX_PROBLEMS {
                found
                    .problems
                    .push(format!("audit record {seq} cannot be read"));
            }
        }
    }
}
