//! The record that each commit leaves in its own batch: its number, and what the store then holds.
//!
//! It is true together with what it counts or not at all, so it shows pages that the engine lost
//! without a word, at whichever end of the data they were.

use owlcoda_types::UnixMs;

use crate::record::{Kind, Record};

/// What the store holds after a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Number of the commit.
    pub(crate) commit: u64,
    pub(crate) n_audit: u64,
    pub(crate) n_sessions: u64,
}

impl Totals {
    /// The value to store under [`crate::key::COMMIT`].
    pub(crate) fn encode(&self, at_ms: UnixMs) -> Vec<u8> {
        let mut body = [0; 16];
        let (n_audit, n_sessions) = body.split_at_mut(8);
        n_audit.copy_from_slice(&self.n_audit.to_be_bytes());
        n_sessions.copy_from_slice(&self.n_sessions.to_be_bytes());
        Record {
            kind: Kind::Commit,
            flags: 0,
            seq: self.commit,
            at_ms,
            body: &body,
        }
        .encode()
    }

    /// The totals in a stored value; the error says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let record = Record::decode(bytes)?;
        let (n_audit, rest) = record
            .body
            .split_first_chunk()
            .ok_or("its body has an unknown form")?;
        let (n_sessions, _) = rest
            .split_first_chunk()
            .ok_or("its body has an unknown form")?;
        if record.kind != Kind::Commit {
            return Err("it is another record than its key says");
        }
        Ok(Self {
            commit: record.seq,
            n_audit: u64::from_be_bytes(*n_audit),
            n_sessions: u64::from_be_bytes(*n_sessions),
        })
    }
}
