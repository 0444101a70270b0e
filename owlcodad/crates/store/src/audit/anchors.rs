//! Holds the anchors on disk against the audit that is open.

use std::path::Path;

use crate::StoreError;
use crate::anchor::{self, Anchor, Head, SegmentHead};
use crate::segment::names;
use crate::shared::Shared;
use crate::shelf::Source;
use crate::store::AUDIT;

/// What is wrong with them, in words.
pub(super) fn check(dir: &Path, shared: &Shared) -> Result<Vec<String>, StoreError> {
    let read_error = StoreError::io("read an anchor");
    let mut problems = Vec::new();
    // An anchor may be behind, by what came in the last second, and never ahead.
    let held = anchor::read::<Head>(dir, anchor::STORE).map_err(read_error)?;
    let (sources, _) = shared.shelf.sources()?;
    let last_seq = shared.progress.lock().head.last_seq;
    match held {
        Anchor::Held(head) if head.last_seq <= last_seq => {}
        Anchor::Held(head) => problems.push(format!(
            "the head anchor knows of record {}, and the last one is {last_seq}",
            head.last_seq
        )),
        Anchor::Missing | Anchor::Damaged => {
            problems.push("the head anchor is missing or damaged".to_owned());
        }
    }
    for source in sources {
        let open = *source.head();
        let found = anchor::read::<SegmentHead>(&dir.join(AUDIT), &names::head(open.number));
        let agrees = match found.map_err(StoreError::io("read an anchor"))? {
            Anchor::Held(held) => match source {
                Source::Sealed(_) => held.count == open.count && held.first_seq == open.first_seq,
                Source::Active(_) => held.count <= open.count && held.first_seq == open.first_seq,
            },
            Anchor::Missing | Anchor::Damaged => false,
        };
        // Retention may have removed it meanwhile.
        let is_kept = || open.last_seq() >= shared.shelf.first_seq();
        if !agrees && is_kept() {
            problems.push(format!(
                "the head anchor of audit segment {} is missing, damaged or of another one",
                open.number
            ));
        }
    }
    Ok(problems)
}
