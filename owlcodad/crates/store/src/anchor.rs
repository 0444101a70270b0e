//! The head anchor: how far the store had come, kept outside the engine.
//!
//! A log engine takes a cut file for a torn tail and opens it without a word. This file, replaced
//! at most once a second and on closing, makes the loss visible. It also carries the schema version,
//! so that a store of a newer program is refused before anything of it is opened.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::directory;

const NAME: &str = "audit.head";

/// How far the store had come. Never ahead of what is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) schema: u32,
    /// Audit records in the store.
    pub(crate) count: u64,
    /// Number of the newest audit record; 0 without any.
    pub(crate) last_seq: u64,
    /// Number of the last commit, which counts sessions' writes too.
    pub(crate) commit: u64,
}

/// What is there of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Missing,
    Damaged,
    Held(Head),
}

/// Reads the anchor in `dir`.
pub(crate) fn read(dir: &Path) -> io::Result<Anchor> {
    let text = match fs_err::read(dir.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Anchor::Missing),
        Err(error) => return Err(error),
    };
    Ok(parse(&text).map_or(Anchor::Damaged, Anchor::Held))
}

/// Replaces the anchor in `dir`; returns once that is durable.
pub(crate) fn write(dir: &Path, head: &Head) -> io::Result<()> {
    let mut text = serde_json::to_vec(head)?;
    let crc = crc32c::crc32c(&text);
    text.extend_from_slice(format!("\n{crc:08x}\n").as_bytes());
    directory::replace_file(dir, NAME, &text)
}

/// A line of JSON and a line with its CRC-32C in hex.
fn parse(text: &[u8]) -> Option<Head> {
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
        assert_eq!(read(dir.path()).unwrap(), Anchor::Missing);
        let head = Head {
            schema: 1,
            count: 10,
            last_seq: 12,
            commit: 3,
        };
        write(dir.path(), &head).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Anchor::Held(head));

        let path = dir.path().join(NAME);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, text.replace("12", "11")).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Anchor::Damaged);
    }
}
