//! Which segments go: whole ones, oldest first.

use owlcoda_types::UnixMs;

use super::Ledger;
use crate::StoreError;
use crate::anchor::SegmentHead;
use crate::segment::names;

impl Ledger {
    /// Whether a segment may have come into the age to go.
    pub(crate) const fn is_retention_due(&self) -> bool {
        self.is_retention_due
    }

    /// Number of the first record to keep, by age and by bytes. The newest segment always stays.
    pub(crate) fn first_to_keep(&mut self) -> u64 {
        self.is_retention_due = false;
        let now_ms = self.clock.now_ms();
        let sealed = self.shelf.sealed();
        let (_, mut n_bytes) = self.sizes();
        let mut first_seq = self.shelf.first_seq();
        for head in &sealed {
            let is_old = self
                .terms
                .max_age_ms
                .is_some_and(|max_age| head.max_at_ms < now_ms.saturating_sub(max_age));
            let is_much = self.terms.max_bytes.is_some_and(|max| n_bytes > max);
            if !is_old && !is_much {
                break;
            }
            n_bytes = n_bytes.saturating_sub(head.size_bytes);
            first_seq = first_seq.max(head.last_seq() + 1);
        }
        first_seq
    }

    /// Removes the segments before `first_seq`, at once and whole. The store's anchor must say so
    /// before: what is missing then is known to be gone on purpose.
    pub(crate) fn remove_before(&mut self, first_seq: u64) -> Result<usize, StoreError> {
        let is_old = |head: &SegmentHead| head.last_seq() < first_seq;
        let doomed: Vec<_> = self.shelf.sealed().into_iter().filter(is_old).collect();
        self.shelf.set_first_seq(first_seq);
        for head in &doomed {
            self.shelf.forget(head.number);
            names::remove(&self.audit, head.number)
                .map_err(StoreError::io("remove an old segment"))?;
        }
        Ok(doomed.len())
    }
}

/// The months since the year 0 of the time `at_ms`, in UTC.
pub(crate) const fn month_of(at_ms: UnixMs) -> i64 {
    // Days since 1 March of the year 0, then Howard Hinnant's way from days to years and months.
    let days = at_ms.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    (era * 400 + year_of_era) * 12 + months_since_march + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_change_where_the_calendar_says() {
        let cases = [
            ("1969-12-31", -1, 1969 * 12 + 11),
            ("1970-01-01", 0, 1970 * 12),
            ("1970-01-31", 30 * 86_400_000, 1970 * 12),
            ("1970-02-01", 31 * 86_400_000, 1970 * 12 + 1),
            ("2024-02-29", 1_709_164_800_000, 2024 * 12 + 1),
            ("2024-03-01", 1_709_251_200_000, 2024 * 12 + 2),
            ("2026-11-26", 1_795_651_200_000, 2026 * 12 + 10),
        ];
        for (label, at_ms, month) in cases {
            assert_eq!(month_of(at_ms), month, "{label}");
        }
    }
}
