//! What is known to be wrong with the store, in words.

use parking_lot::Mutex;
use tracing::error;

/// Most findings that are kept in words; further ones are counted.
const MAX_FINDINGS: usize = 16;

/// The same for a tool that prints them.
const MAX_UNLOGGED: usize = 1000;

/// Whether everything that was acknowledged can be read and more can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Nothing is known to be wrong.
    Ok,
    /// Something is lost, damaged, or can no longer be written; the words say what.
    Degraded(String),
}

/// The findings so far. Each different one is kept once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Mutex<Found>,
    /// They are to be shown in another way than in the log, and all of them.
    is_unlogged: bool,
}

#[derive(Debug, Default)]
struct Found {
    kept: Vec<String>,
    n_more: u64,
}

impl Findings {
    /// Findings that are not logged, for a tool that prints them.
    pub(crate) fn unlogged() -> Self {
        Self {
            is_unlogged: true,
            ..Self::default()
        }
    }

    /// The findings, one by one.
    pub(crate) fn words(&self) -> Vec<String> {
        let found = self.found.lock();
        let mut words = found.kept.clone();
        if found.n_more > 0 {
            words.push(format!("and {} more", found.n_more));
        }
        words
    }

    /// Adds `finding`, and logs it the first time. No words are no finding.
    pub(crate) fn report(&self, finding: impl Into<String>) {
        let finding = finding.into();
        if finding.is_empty() {
            return;
        }
        let mut found = self.found.lock();
        if found.kept.contains(&finding) {
            return;
        }
        if !self.is_unlogged {
            error!(finding, "the store is degraded");
        }
        let max = if self.is_unlogged {
            MAX_UNLOGGED
        } else {
            MAX_FINDINGS
        };
        if found.kept.len() < max {
            found.kept.push(finding);
        } else {
            found.n_more += 1;
        }
    }

    /// All of them as one state.
    pub(crate) fn integrity(&self) -> Integrity {
        let found = self.found.lock();
        if found.kept.is_empty() {
            return Integrity::Ok;
        }
        let mut text = found.kept.join("; ");
        if found.n_more > 0 {
            text = format!("{text}; and {} more", found.n_more);
        }
        Integrity::Degraded(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_kept_once_and_bounded() {
        let findings = Findings::default();
        assert_eq!(findings.integrity(), Integrity::Ok);
        findings.report("a");
        findings.report("a");
        assert_eq!(findings.integrity(), Integrity::Degraded("a".to_owned()));
        for n in 0..100 {
            findings.report(n.to_string());
        }
        let Integrity::Degraded(text) = findings.integrity() else {
            panic!("findings are lost")
        };
        assert!(text.ends_with("; and 85 more"), "{text}");
    }
}
