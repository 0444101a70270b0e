//! Questions to the audit, answered in pages from the newest record to the oldest.

use std::ops::ControlFlow;

use crate::StoreError;
use crate::audit::AuditRecord;
use crate::engine::{Engine, Order};
use crate::integrity::Findings;
use crate::key;
use crate::record::{Kind, Record};

/// Most records of one page.
const MAX_PAGE: usize = 1000;
/// Most records that one page looks at. A filter that matches little gives short pages instead of a
/// long wait.
const MAX_SCANNED: usize = 20_000;

/// Which records are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Most records of the page; between 1 and 1000, other values are taken to the nearest.
    pub limit: usize,
    /// Only records with a smaller number: `next_before_seq` of the page before.
    pub before_seq: Option<u64>,
    /// Only calls that asked for this model, or that it answered.
    pub model: Option<String>,
    /// Only calls that ended with this HTTP status or a higher one.
    pub min_status: Option<u16>,
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            before_seq: None,
            model: None,
            min_status: None,
        }
    }
}

impl AuditQuery {
    fn matches(&self, record: &AuditRecord) -> bool {
        let is_model = self.model.as_ref().is_none_or(|model| {
            record.model_asked == *model || record.model_used.as_ref() == Some(model)
        });
        is_model
            && self
                .min_status
                .is_none_or(|min_status| record.status >= min_status)
    }
}

/// A page of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Records with their numbers, newest first. May be fewer than asked for, or none, although
    /// there are more: only `next_before_seq` tells the end.
    pub records: Vec<(u64, AuditRecord)>,
    /// Numbers of records in the range of this page that are there but cannot be read.
    pub damaged: Vec<u64>,
    /// First and last number of each gap between the records of this page.
    pub missing: Vec<(u64, u64)>,
    /// Where the next page begins; `None` at the end.
    pub next_before_seq: Option<u64>,
}

/// Answers `query`. Damage is also added to `findings`.
pub(crate) fn run(
    engine: &dyn Engine,
    query: &AuditQuery,
    findings: &Findings,
) -> Result<AuditPage, StoreError> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    let end = match query.before_seq {
        Some(before_seq) => key::audit(before_seq).to_vec(),
        None => key::COMMIT.to_vec(),
    };
    let mut page = AuditPage::default();
    let mut n_scanned = 0;
    // The page before ended with a record; any other number may be one that was never given.
    let mut next_seq = match query.before_seq {
        Some(before_seq) if engine.get(&end)?.is_some() => Some(before_seq),
        _ => None,
    };
    engine.scan(
        &key::audit(0),
        &end,
        Order::Descending,
        &mut |key, bytes| {
            let Some(seq) = key::audit_seq(key) else {
                findings.report("an audit record has a key of an unknown form");
                return ControlFlow::Continue(());
            };
            if let Some(gap) = next_seq.and_then(|next_seq| gap(seq, next_seq)) {
                findings.report(format!("audit records {} to {} are missing", gap.0, gap.1));
                page.missing.push(gap);
            }
            next_seq = Some(seq);
            match Record::decode_as(bytes, Kind::Audit, seq).and_then(|record| record.value()) {
                Ok(record) if query.matches(&record) => page.records.push((seq, record)),
                Ok(_) => {}
                Err(reason) => {
                    findings.report(format!("audit record {seq} is damaged: {reason}"));
                    page.damaged.push(seq);
                }
            }
            n_scanned += 1;
            if page.records.len() < limit && n_scanned < MAX_SCANNED {
                return ControlFlow::Continue(());
            }
            page.next_before_seq = Some(seq);
            ControlFlow::Break(())
        },
    )?;
    Ok(page)
}

/// The numbers between two neighbours, where there are any.
fn gap(seq: u64, next_seq: u64) -> Option<(u64, u64)> {
    let first = seq.checked_add(1)?;
    let last = next_seq.checked_sub(1)?;
    (first <= last).then_some((first, last))
}
