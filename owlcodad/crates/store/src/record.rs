//! The form of every value on disk, with its own number and checksum.
//!
//! ```text
//! kind u8 | flags u8 | seq u64 BE | at_ms i64 BE | body … | crc32c of all before, u32 BE
//! ```
//!
//! No engine notices all damage, and a log engine cannot tell a cut file from a torn tail. The
//! checksum finds what was changed, the number finds what is gone or in the wrong place.

use owlcoda_types::UnixMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most bytes of one value, envelope included.
///
/// The engine splits a leaf by the number of its entries (past 16), never by its size, and writes a
/// leaf of more than 128 KiB to a file of its own that it does not sync. 18 values of this size and
/// their keys stay below that; a limit per value of 64 KiB, or even 16, does not.
pub(crate) const MAX_VALUE_BYTES: usize = 6 << 10;

/// Most bytes of one body.
pub(crate) const MAX_BODY_BYTES: usize = MAX_VALUE_BYTES - HEADER_BYTES - CRC_BYTES;

/// Flag of an event's part: another part follows.
pub(crate) const FLAG_MORE: u8 = 1;

const HEADER_BYTES: usize = 18;
const CRC_BYTES: usize = 4;

/// The version of the JSON in the bodies of our own records.
const BODY_VERSION: u32 = 1;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// One ended call.
    Audit = 1,
    /// The state of a session.
    Session = 2,
    /// An event of a session, or a part of one.
    Event = 3,
    /// What the last commit left.
    Commit = 4,
    /// A value of the store's own.
    Meta = 5,
    /// Audit records that follow each other, compressed.
    Block = 6,
    /// What the records of some blocks are found by.
    Chapter = 7,
}

impl Kind {
    fn parse(byte: u8) -> Option<Self> {
        [
            Self::Audit,
            Self::Session,
            Self::Event,
            Self::Commit,
            Self::Meta,
            Self::Block,
            Self::Chapter,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// One record, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) seq: u64,
    pub(crate) at_ms: UnixMs,
    pub(crate) body: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.body.len() + CRC_BYTES);
        bytes.push(self.kind as u8);
        bytes.push(self.flags);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.at_ms.to_be_bytes());
        bytes.extend_from_slice(self.body);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// Takes stored bytes apart; the error says what is wrong with them.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let (covered, crc) = bytes
            .split_last_chunk::<CRC_BYTES>()
            .ok_or("it is cut short")?;
        if crc32c::crc32c(covered) != u32::from_be_bytes(*crc) {
            return Err("its checksum does not match");
        }
        let ([kind, flags], rest) = covered.split_first_chunk().ok_or("it is cut short")?;
        let (seq, rest) = rest.split_first_chunk().ok_or("it is cut short")?;
        let (at_ms, body) = rest.split_first_chunk().ok_or("it is cut short")?;
        Ok(Self {
            kind: Kind::parse(*kind).ok_or("its kind is not known to this version")?,
            flags: *flags,
            seq: u64::from_be_bytes(*seq),
            at_ms: i64::from_be_bytes(*at_ms),
            body,
        })
    }

    /// Takes stored bytes apart that must be a `kind` with the number `seq`.
    pub(crate) fn decode_as(bytes: &'a [u8], kind: Kind, seq: u64) -> Result<Self, &'static str> {
        let record = Self::decode(bytes)?;
        if record.kind != kind || record.seq != seq {
            return Err("it is another record than its key says");
        }
        Ok(record)
    }

    /// The value in a body that [`to_body`] made.
    pub(crate) fn value<T: DeserializeOwned>(&self) -> Result<T, &'static str> {
        value_of(self.body)
    }
}

/// The value in a body that [`to_body`] made.
pub(crate) fn value_of<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, &'static str> {
    let body: Body<T> = serde_json::from_slice(body).map_err(|_| "its body has an unknown form")?;
    if body.v > BODY_VERSION {
        return Err("a newer version wrote it");
    }
    Ok(body.r)
}

/// `value` as the body of a record: JSON with a version beside it.
pub(crate) fn to_body<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    // Nearly every record of a call fits, so its bytes are not moved while they are written.
    let mut body = Vec::with_capacity(USUAL_BODY_BYTES);
    let value = Body {
        v: BODY_VERSION,
        r: value,
    };
    serde_json::to_writer(&mut body, &value)?;
    Ok(body)
}

/// Enough for the record of a call with names of common length.
const USUAL_BODY_BYTES: usize = 640;

/// The version is beside the value, not in it: flattening would buffer every field on reading.
#[derive(Serialize, Deserialize)]
struct Body<T> {
    v: u32,
    r: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        (1_u8..=7).prop_map(|byte| Kind::parse(byte).unwrap())
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(
            kind in kinds(), flags: u8, seq: u64, at_ms: i64, body: Vec<u8>,
        ) {
            let record = Record { kind, flags, seq, at_ms, body: &body };
            let bytes = record.encode();
            prop_assert_eq!(Record::decode(&bytes), Ok(record));
            prop_assert_eq!(Record::decode_as(&bytes, kind, seq), Ok(record));
        }

        #[test]
        fn a_changed_byte_is_found(
            body: Vec<u8>, at in any::<prop::sample::Index>(), change in 1_u8..,
        ) {
            let record = Record { kind: Kind::Audit, flags: 0, seq: 7, at_ms: 1, body: &body };
            let mut bytes = record.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert!(Record::decode(&bytes).is_err());
        }

        #[test]
        fn a_cut_record_is_found(body: Vec<u8>, at in any::<prop::sample::Index>()) {
            let record = Record { kind: Kind::Event, flags: 1, seq: 9, at_ms: -1, body: &body };
            let bytes = record.encode();
            prop_assert!(Record::decode(&bytes[..at.index(bytes.len())]).is_err());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let _ = Record::decode(&bytes);
        }
    }

    #[test]
    fn a_record_under_the_wrong_key_is_found() {
        let record = Record {
            kind: Kind::Audit,
            flags: 0,
            seq: 7,
            at_ms: 1,
            body: b"{}",
        };
        let bytes = record.encode();
        assert!(Record::decode_as(&bytes, Kind::Audit, 8).is_err());
        assert!(Record::decode_as(&bytes, Kind::Event, 7).is_err());
    }

    #[test]
    fn a_body_of_a_newer_version_is_not_guessed_at() {
        let body = br#"{"v":2,"r":5}"#;
        let record = Record {
            kind: Kind::Meta,
            flags: 0,
            seq: 0,
            at_ms: 0,
            body,
        };
        assert_eq!(record.value::<u32>(), Err("a newer version wrote it"));
    }
}
