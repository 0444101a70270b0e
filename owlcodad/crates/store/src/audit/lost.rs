//! Calls that were under way when a process ended without a word: each gets the end that it lacks.
//!
//! The record of a beginning says when the oldest call began that was under way then. So it is enough
//! to look at what was recorded since that moment of the newest beginning.

use std::collections::BTreeMap;

use owlcoda_types::{RequestId, UnixMs};

use super::{Audit, AuditRecord};
use crate::StoreError;
use crate::query::{AuditOrder, AuditQuery, AuditStarts};

/// The clock may have been set back by so much meanwhile.
const SLACK_MS: UnixMs = 600_000;

/// Records of one page.
const PAGE: usize = 1000;

impl Audit {
    /// Appends an end with the outcome `lost` for each call that began before this process did and
    /// has none; gives back how many there were. Reads what was recorded since the oldest of them
    /// began, a page at a time.
    ///
    /// # Errors
    ///
    /// As [`Self::query`]. It may be repeated.
    pub async fn close_lost(&self) -> Result<usize, StoreError> {
        let end_seq = self.inner.opened_after_seq + 1;
        let Some(since_ms) = self.oldest_open(end_seq).await? else {
            return Ok(0);
        };
        let mut open: BTreeMap<RequestId, AuditRecord> = BTreeMap::new();
        let mut query = Some(AuditQuery {
            limit: PAGE,
            order: AuditOrder::OldestFirst,
            since_ms: Some(since_ms.saturating_sub(SLACK_MS)),
            before_seq: Some(end_seq),
            starts: AuditStarts::All,
            ..AuditQuery::default()
        });
        while let Some(asked) = query {
            let page = self.query(asked.clone()).await?;
            query = asked.following(&page);
            for (_, record) in page.records {
                if record.is_start() {
                    open.insert(record.request_id, record);
                } else {
                    open.remove(&record.request_id);
                }
            }
        }
        let n_lost = open.len();
        for (_, start) in open {
            self.append(AuditRecord {
                oldest_open_ms: None,
                outcome: AuditRecord::LOST.to_owned(),
                status: AuditRecord::LOST_STATUS,
                ..start
            });
        }
        Ok(n_lost)
    }

    /// When the oldest call began that was under way at the newest beginning before `end_seq`.
    async fn oldest_open(&self, end_seq: u64) -> Result<Option<UnixMs>, StoreError> {
        let mut query = Some(AuditQuery {
            limit: 1,
            before_seq: Some(end_seq),
            starts: AuditStarts::Only,
            ..AuditQuery::default()
        });
        while let Some(asked) = query {
            let page = self.query(asked.clone()).await?;
            if let Some((_, start)) = page.records.first() {
                return Ok(start.oldest_open_ms);
            }
            query = asked.following(&page);
        }
        Ok(None)
    }
}
