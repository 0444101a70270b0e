//! Head anchors: how far the store had come, kept outside the engine.
//!
//! A log engine takes a cut file for a torn tail and opens it without a word. These files, replaced
//! at most once a second and on closing, make the loss visible. The store's also carries the schema
//! version, so that a store of a newer program is refused before anything of it is opened.

use std::io;
use std::path::Path;

use owlcoda_types::UnixMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::directory;

/// Name of the store's anchor. It is where the first schema had it, so that a program of that time
/// refuses the store in words.
pub(crate) const STORE: &str = "audit.head";

/// How far the store had come. Never ahead of what is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) schema: u32,
    /// Audit records in the store.
    pub(crate) count: u64,
    /// Number of the newest audit record that was ever given; 0 without any.
    pub(crate) last_seq: u64,
    /// Number of the last commit of sessions.
    pub(crate) commit: u64,
    /// Number of the oldest audit record that is kept: older ones were removed on purpose.
    #[serde(default)]
    pub(crate) first_seq: u64,
}

/// How far one segment of the audit had come, and for a finished one all that is asked of it
/// before it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentHead {
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
    /// Number of the last commit, from the first segment on.
    pub(crate) commit: u64,
    /// Whether no more will be written.
    pub(crate) is_sealed: bool,
    /// Of all its records; more than the other one without records.
    pub(crate) min_at_ms: UnixMs,
    pub(crate) max_at_ms: UnixMs,
    /// When it was made.
    pub(crate) made_at_ms: UnixMs,
    pub(crate) size_bytes: u64,
    /// Number of the first record that was lost from its end; 0 if none was.
    #[serde(default)]
    pub(crate) lost_from_seq: u64,
    /// Commits that were lost from its end.
    #[serde(default)]
    pub(crate) n_lost_commits: u64,
    /// Whether something in it was damaged when it was last opened to be written.
    #[serde(default)]
    pub(crate) is_damaged: bool,
}

impl SegmentHead {
    /// Number of the last record; one less than the first without any.
    pub(crate) const fn last_seq(&self) -> u64 {
        (self.first_seq + self.count).saturating_sub(1)
    }

    /// How many of its records are known to be gone.
    pub(crate) const fn n_lost(&self) -> u64 {
        match self.lost_from_seq {
            0 => 0,
            from => (self.last_seq() + 1).saturating_sub(from),
        }
    }

    /// What is known to be wrong with it, in words.
    pub(crate) fn describe(&self) -> Option<String> {
        if self.lost_from_seq == 0 && self.n_lost_commits == 0 {
            let words = || format!("audit segment {} is damaged", self.number);
            return self.is_damaged.then(words);
        }
        let words = format!(
            "tail lost: the last {} commits are gone",
            self.n_lost_commits
        );
        if self.n_lost() == 0 {
            return Some(words);
        }
        let (from, to) = (self.lost_from_seq, self.last_seq());
        Some(format!("{words}, with the audit records {from} to {to}"))
    }
}

/// What is there of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor<T> {
    Missing,
    Damaged,
    Held(T),
}

/// Reads the anchor `name` in `dir`.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Anchor<T>> {
    let text = match fs_err::read(dir.join(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Anchor::Missing),
        Err(error) => return Err(error),
    };
    Ok(parse(&text).map_or(Anchor::Damaged, Anchor::Held))
}

/// Replaces the anchor `name` in `dir`; returns once that is durable.
pub(crate) fn write<T: Serialize>(dir: &Path, name: &str, head: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(head)?;
    let crc = crc32c::crc32c(&text);
    text.extend_from_slice(format!("\n{crc:08x}\n").as_bytes());
    directory::replace_file(dir, name, &text)
}

/// A line of JSON and a line with its CRC-32C in hex.
fn parse<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?;
    let (json, crc) = text.trim_end().split_once('\n')?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    (crc32c::crc32c(json.as_bytes()) == crc)
        .then(|| serde_json::from_str(json).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_comes_back_and_a_changed_one_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let read = || read::<Head>(dir.path(), STORE).unwrap();
        assert_eq!(read(), Anchor::Missing);
        let head = Head {
            schema: 1,
            count: 10,
            last_seq: 12,
            commit: 3,
            first_seq: 1,
        };
        write(dir.path(), STORE, &head).unwrap();
        assert_eq!(read(), Anchor::Held(head));

        let path = dir.path().join(STORE);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, text.replace("12", "11")).unwrap();
        assert_eq!(read(), Anchor::Damaged);
    }
}
