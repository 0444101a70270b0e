//! What many calls have in common: counts, tokens, costs, times.

use std::collections::BTreeMap;

use owlcoda_types::Usage;

use super::StatusClass;
use crate::audit::AuditRecord;

/// Most groups of one kind; what more there are is one group together.
const MAX_GROUPS: usize = 200;

/// The name of that group.
const REST: &str = "…";

/// Bits of a time that are kept beside its size: a percentile is right within 1 in 128.
const KEPT_BITS: u32 = 7;

/// Some calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditGroup {
    /// How many.
    pub n_calls: u64,
    /// Those with status 400 and above.
    pub n_failed: u64,
    /// Their tokens.
    pub usage: Usage,
    /// What those cost whose rate was known, in millionths of the currency.
    pub cost_micros: u64,
    /// How many took a time, by the time's first bits.
    times: BTreeMap<u64, u64>,
}

impl AuditGroup {
    fn add(&mut self, record: &AuditRecord) {
        self.n_calls += 1;
        self.n_failed += u64::from(record.status >= 400);
        self.usage.input_tokens += record.usage.input_tokens;
        self.usage.output_tokens += record.usage.output_tokens;
        self.usage.cache_read_tokens += record.usage.cache_read_tokens;
        self.usage.cache_write_tokens += record.usage.cache_write_tokens;
        self.cost_micros = self
            .cost_micros
            .saturating_add(record.cost_micros.unwrap_or(0));
        *self.times.entry(rounded(record.elapsed_ms)).or_default() += 1;
    }

    /// The time in milliseconds that `percent` of 100 calls took at most; 0 without calls.
    pub fn percentile_ms(&self, percent: u64) -> u64 {
        let rank = (self.n_calls * percent).div_ceil(100).max(1);
        let mut n_so_far = 0;
        for (ms, n_calls) in &self.times {
            n_so_far += n_calls;
            if n_so_far >= rank {
                return *ms;
            }
        }
        0
    }
}

/// `ms` up to the next number that has its first bits alone, so that there are few of them.
fn rounded(ms: u64) -> u64 {
    let n_cut = (u64::BITS - ms.leading_zeros()).saturating_sub(KEPT_BITS + 1);
    let cut = (1_u64 << n_cut) - 1;
    ms.saturating_add(cut) & !cut
}

/// What a question has found, taken together. Its memory is bounded, whatever callers wrote.
#[derive(Clone, Debug, Default)]
pub struct AuditSummary {
    /// All calls.
    pub all: AuditGroup,
    by_model: BTreeMap<String, AuditGroup>,
    by_endpoint: BTreeMap<String, AuditGroup>,
    by_status: BTreeMap<String, AuditGroup>,
    by_outcome: BTreeMap<String, AuditGroup>,
    by_client: BTreeMap<String, AuditGroup>,
}

/// What calls are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditGrouping {
    /// The model that answered.
    Model,
    /// The endpoint that was asked.
    Endpoint,
    /// The class of the status.
    Status,
    /// How they ended, in one word.
    Outcome,
    /// Who called.
    Client,
}

impl AuditSummary {
    /// Takes one more call in.
    pub fn add(&mut self, record: &AuditRecord) {
        self.all.add(record);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let class = StatusClass::of(record.status).as_str().to_owned();
        for (groups, name) in [
            (&mut self.by_model, or_none(&record.model_used)),
            (&mut self.by_endpoint, or_none(&record.endpoint)),
            (&mut self.by_status, class),
            (&mut self.by_outcome, record.outcome.clone()),
            (&mut self.by_client, or_none(&record.client)),
        ] {
            let is_room = groups.len() < MAX_GROUPS || groups.contains_key(&name);
            let name = if is_room { name } else { REST.to_owned() };
            groups.entry(name).or_default().add(record);
        }
    }

    /// The groups of one kind with their names, the largest first; without a name those that have
    /// none.
    pub fn groups(&self, grouping: AuditGrouping) -> Vec<(&str, &AuditGroup)> {
        let groups = match grouping {
            AuditGrouping::Model => &self.by_model,
            AuditGrouping::Endpoint => &self.by_endpoint,
            AuditGrouping::Status => &self.by_status,
            AuditGrouping::Outcome => &self.by_outcome,
            AuditGrouping::Client => &self.by_client,
        };
        let groups = groups.iter().map(|(name, group)| (name.as_str(), group));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.n_calls));
        groups
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::tests::record;

    proptest! {
        #[test]
        fn a_rounded_time_is_the_next_of_few(ms in 0..u64::MAX / 2) {
            let up = rounded(ms);
            prop_assert!(up >= ms && up - ms <= ms / 128, "{} became {}", ms, up);
            prop_assert_eq!(rounded(up), up);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_times() {
        let mut summary = AuditSummary::default();
        assert_eq!(summary.all.percentile_ms(50), 0);
        for elapsed_ms in 1..=100 {
            let mut record = record();
            record.elapsed_ms = elapsed_ms;
            record.status = if elapsed_ms > 90 { 502 } else { 200 };
            record.model_used = (elapsed_ms > 50).then(|| "late".to_owned());
            summary.add(&record);
        }
        let all = &summary.all;
        let percentiles = [50, 95, 99, 100].map(|percent| all.percentile_ms(percent));
        assert_eq!(percentiles, [50, 95, 99, 100]);
        assert_eq!((all.n_calls, all.n_failed), (100, 10));
        let by_status = summary.groups(AuditGrouping::Status).into_iter();
        let by_status: Vec<_> = by_status
            .map(|(name, group)| (name, group.n_calls))
            .collect();
        assert_eq!(by_status, [("2xx", 90), ("5xx", 10)]);
        let [(_, none), (name, late)] = summary.groups(AuditGrouping::Model)[..] else {
            panic!("{summary:?}")
        };
        assert_eq!(
            (none.n_calls, name, late.percentile_ms(1)),
            (50, "late", 51)
        );
    }

    #[test]
    fn names_beyond_a_bound_are_one_group() {
        let mut summary = AuditSummary::default();
        for n in 0..1000 {
            let mut record = record();
            record.model_used = Some(format!("model-{n:04}"));
            summary.add(&record);
        }
        let groups = summary.groups(AuditGrouping::Model);
        assert_eq!(groups.len(), MAX_GROUPS + 1);
        assert_eq!((groups[0].0, groups[0].1.n_calls), (REST, 800));
    }
}
