//! Blocks: audit records that follow each other, compressed into one value of the engine.
//!
//! ```text
//! body of a block: length of the packed records u32 BE | the records, packed
//! one record, before packing: at_ms i64 BE | length u16 BE | body
//! ```
//!
//! The number of the first record is the key and stands in the envelope; the others follow it without
//! gaps. The checksum of the envelope covers what is stored, so that nothing damaged is unpacked.

use std::sync::Arc;

use owlcoda_types::UnixMs;

use crate::audit::AuditRecord;
use crate::chapter::Marks;
use crate::record::{Kind, Record};

/// Most records of a block.
pub(crate) const MAX_BLOCK_RECORDS: usize = 64;

/// A block is made once its records have this many bytes, unpacked.
pub(crate) const FULL_BLOCK_BYTES: usize = 30 << 10;

/// Most bytes of the value of a block. A little more than other values, so that the largest record of
/// the first schema has room; 18 of this size still stay below what the engine keeps inline.
pub(crate) const MAX_BLOCK_BYTES: usize = crate::record::MAX_VALUE_BYTES + 64;

/// Flag: the records are compressed with zstd.
const FLAG_ZSTD: u8 = 1;
const ZSTD_LEVEL: i32 = 1;

/// More than the records of any block take, unpacked.
const MAX_UNPACKED_BYTES: usize = MAX_BLOCK_RECORDS * MAX_BLOCK_BYTES;

/// One audit record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at_ms: UnixMs,
    pub(crate) body: Arc<[u8]>,
    /// What it is found by, where that is known without reading the body.
    pub(crate) marks: Option<Marks>,
}

impl Entry {
    /// A record that was read from somewhere.
    pub(crate) fn new(at_ms: UnixMs, body: impl Into<Arc<[u8]>>) -> Self {
        Self {
            at_ms,
            body: body.into(),
            marks: None,
        }
    }

    /// A record that has just been made; `None` if it cannot be made to fit.
    pub(crate) fn of(record: AuditRecord) -> Option<Self> {
        let at_ms = record.at_ms;
        let (body, marks) = record.into_body_and(Marks::of)?;
        Some(Self {
            at_ms,
            body: body.into(),
            marks: Some(marks),
        })
    }
}

/// A block to write.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    pub(crate) first_seq: u64,
    pub(crate) entries: &'a [Entry],
    pub(crate) value: Vec<u8>,
}

/// The blocks for `entries`, which begin with number `first_seq`: one, or more where they do not
/// pack well. An entry that is too large for any block, which none is that we make, has none.
pub(crate) fn pack(first_seq: u64, entries: &[Entry]) -> Vec<Packed<'_>> {
    if entries.is_empty() {
        return Vec::new();
    }
    if let Some(value) = encode(first_seq, entries) {
        return vec![Packed {
            first_seq,
            entries,
            value,
        }];
    }
    if entries.len() == 1 {
        return Vec::new();
    }
    let (left, right) = entries.split_at(entries.len() / 2);
    let mut blocks = pack(first_seq, left);
    blocks.extend(pack(first_seq + left.len() as u64, right));
    blocks
}

/// The value of one block; `None` where that would be too large.
fn encode(first_seq: u64, entries: &[Entry]) -> Option<Vec<u8>> {
    if entries.len() > MAX_BLOCK_RECORDS {
        return None;
    }
    let mut plain = Vec::new();
    for entry in entries {
        plain.extend_from_slice(&entry.at_ms.to_be_bytes());
        plain.extend_from_slice(&u16::try_from(entry.body.len()).ok()?.to_be_bytes());
        plain.extend_from_slice(&entry.body);
    }
    let packed = zstd::bulk::compress(&plain, ZSTD_LEVEL).ok();
    let packed = packed.filter(|packed| packed.len() < plain.len());
    let mut body = u32::try_from(plain.len()).ok()?.to_be_bytes().to_vec();
    body.extend_from_slice(packed.as_ref().unwrap_or(&plain));
    let value = Record {
        kind: Kind::Block,
        flags: if packed.is_some() { FLAG_ZSTD } else { 0 },
        seq: first_seq,
        at_ms: entries.first().map_or(0, |entry| entry.at_ms),
        body: &body,
    }
    .encode();
    (value.len() <= MAX_BLOCK_BYTES).then_some(value)
}

/// The records of the block that begins with `first_seq`; the error says what is wrong with it.
pub(crate) fn unpack(first_seq: u64, value: &[u8]) -> Result<Vec<Entry>, &'static str> {
    const FORM: &str = "its body has an unknown form";
    let record = Record::decode_as(value, Kind::Block, first_seq)?;
    let (length, packed) = record.body.split_first_chunk().ok_or(FORM)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_UNPACKED_BYTES {
        return Err(FORM);
    }
    let unpacked;
    let mut rest = packed;
    if record.flags & FLAG_ZSTD != 0 {
        unpacked = zstd::bulk::decompress(packed, length).map_err(|_| FORM)?;
        rest = &unpacked;
    }
    if rest.len() != length {
        return Err(FORM);
    }
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (at_ms, after) = rest.split_first_chunk().ok_or(FORM)?;
        let (length, after) = after.split_first_chunk().ok_or(FORM)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (body, after) = after.split_at_checked(length).ok_or(FORM)?;
        entries.push(Entry::new(i64::from_be_bytes(*at_ms), body));
        rest = after;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MAX_BODY_BYTES;
    use proptest::prelude::*;

    fn entry(at_ms: UnixMs, body: &[u8]) -> Entry {
        Entry::new(at_ms, body)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn records_come_back_from_their_blocks_in_order(
            bodies in prop::collection::vec(
                (any::<i64>(), prop::collection::vec(any::<u8>(), 0..MAX_BODY_BYTES)), 1..65,
            ),
        ) {
            let entries: Vec<_> = bodies.iter().map(|(at, body)| entry(*at, body)).collect();
            let mut next_seq = 7;
            let mut found = Vec::new();
            for block in pack(7, &entries) {
                prop_assert_eq!(block.first_seq, next_seq);
                prop_assert!(block.value.len() <= MAX_BLOCK_BYTES);
                let unpacked = unpack(block.first_seq, &block.value).unwrap();
                prop_assert_eq!(unpacked.as_slice(), block.entries);
                next_seq += unpacked.len() as u64;
                found.extend(unpacked);
            }
            prop_assert_eq!(found, entries);
        }

        #[test]
        fn a_changed_byte_is_found(at in any::<prop::sample::Index>(), change in 1_u8..) {
            let entries = [entry(5, b"{}"), entry(6, &[b'x'; 500])];
            let mut value = encode(9, &entries).unwrap();
            let at = at.index(value.len());
            value[at] ^= change;
            prop_assert!(unpack(9, &value).is_err());
        }
    }

    #[test]
    fn records_of_one_kind_share_one_block() {
        let body = br#"{"v":1,"r":{"model_asked":"model-1","endpoint":"local"}}"#.repeat(8);
        let entries: Vec<_> = (0..64).map(|at| entry(at, &body)).collect();
        assert_eq!(pack(1, &entries).len(), 1);
    }
}
