//! What the calls that a question finds have in common.

use std::time::{Duration, Instant};

use futures_util::stream::unfold;
use owlcoda_proto::v1;
use owlcoda_store::{
    Audit, AuditGroup, AuditGrouping, AuditOrder, AuditQuery, AuditStarts, AuditSummary,
};
use tonic::Status;

use super::{Answers, n_unreadable};
use crate::convert;

/// Whoever waits hears how far it is this often.
const TELL: Duration = Duration::from_millis(200);

struct Counting {
    audit: Audit,
    query: Option<AuditQuery>,
    summary: AuditSummary,
    n_unreadable: u64,
}

/// The sums so far, now and then, and at the end all of them.
pub(super) fn of(audit: &Audit, query: AuditQuery) -> Answers<v1::AuditStats> {
    let counting = Counting {
        audit: audit.clone(),
        query: Some(AuditQuery {
            limit: usize::MAX,
            order: AuditOrder::OldestFirst,
            starts: AuditStarts::Hidden,
            ..query
        }),
        summary: AuditSummary::default(),
        n_unreadable: 0,
    };
    Box::pin(unfold(counting, Counting::step))
}

impl Counting {
    async fn step(mut self) -> Option<(Result<v1::AuditStats, Status>, Self)> {
        self.query.as_ref()?;
        let started = Instant::now();
        while let Some(asked) = self.query.take() {
            let page = match self.audit.query(asked.clone()).await {
                Ok(page) => page,
                Err(error) => return Some((Err(convert::store_error(&error)), self)),
            };
            self.query = asked.following(&page);
            self.n_unreadable += n_unreadable(&page);
            for (_, record) in &page.records {
                self.summary.add(record);
            }
            if started.elapsed() >= TELL {
                break;
            }
        }
        let told = v1::AuditStats {
            all: Some(group("", &self.summary.all)),
            by_model: self.groups(AuditGrouping::Model),
            by_endpoint: self.groups(AuditGrouping::Endpoint),
            by_status: self.groups(AuditGrouping::Status),
            by_outcome: self.groups(AuditGrouping::Outcome),
            by_client: self.groups(AuditGrouping::Client),
            n_unreadable: self.n_unreadable,
            is_done: self.query.is_none(),
        };
        Some((Ok(told), self))
    }

    fn groups(&self, grouping: AuditGrouping) -> Vec<v1::AuditGroup> {
        let groups = self.summary.groups(grouping).into_iter();
        groups.map(|(name, found)| group(name, found)).collect()
    }
}

fn group(name: &str, group: &AuditGroup) -> v1::AuditGroup {
    v1::AuditGroup {
        name: name.to_owned(),
        n_calls: group.n_calls,
        n_failed: group.n_failed,
        usage: Some(convert::usage(group.usage)),
        cost_micros: group.cost_micros,
        p50_ms: group.percentile_ms(50),
        p95_ms: group.percentile_ms(95),
        p99_ms: group.percentile_ms(99),
    }
}
