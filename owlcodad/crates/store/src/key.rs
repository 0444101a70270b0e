//! The keys: those of the sessions' engine, and at the end those of a segment of the audit.
//!
//! | key | value |
//! | --- | --- |
//! | `c` | record of the last commit |
//! | `e` session seq part | event of a session, or a part of one |
//! | `m` name | the store's own values |
//! | `s` session | state of a session |
//!
//! One key space, because a batch of the engine is atomic within one: whatever is written together
//! (events and the state they lead to, the version and the data that a migration changes) stays
//! together. Numbers are big-endian, so that keys sort as they do. A segment is described in `segment.rs`.

use owlcoda_types::SessionId;

/// Where the record of the last commit is.
pub(crate) const COMMIT: &[u8] = b"c";
/// Where the schema version is.
pub(crate) const SCHEMA: &[u8] = b"mschema";
/// Where the list of losses found at opening is.
pub(crate) const LOSSES: &[u8] = b"mlosses";

/// Where every session's state is: from here to [`SESSIONS_END`].
pub(crate) const SESSIONS: &[u8] = b"s";
pub(crate) const SESSIONS_END: &[u8] = b"t";

const EVENT_KEY_BYTES: usize = 1 + 16 + 8 + 2;

/// Where the block is that begins with the audit record `seq`; in the first schema, the record.
pub(crate) fn block(seq: u64) -> [u8; 9] {
    numbered(b'a', seq)
}

/// Where the chapter is that begins with the audit record `seq`.
pub(crate) fn chapter(seq: u64) -> [u8; 9] {
    numbered(b'i', seq)
}

/// Where the audit record `seq` is until it is in a block.
pub(crate) fn slot(seq: u64) -> [u8; 2] {
    let slot = seq % crate::block::MAX_BLOCK_RECORDS as u64;
    [b't', u8::try_from(slot).unwrap_or_default()]
}

fn numbered(kind: u8, seq: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    if let Some(number) = key.last_chunk_mut() {
        *number = seq.to_be_bytes();
    }
    key
}

/// The number in the key of a block.
pub(crate) fn block_seq(key: &[u8]) -> Option<u64> {
    let number = key.strip_prefix(b"a")?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

/// Where the state of `session` is.
pub(crate) fn session(session: SessionId) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.extend_from_slice(SESSIONS);
    key.extend_from_slice(session.as_bytes());
    key
}

/// The session in a session key.
pub(crate) fn session_id(key: &[u8]) -> Option<SessionId> {
    let id = key.strip_prefix(SESSIONS)?;
    Some(SessionId::from_bytes(id.try_into().ok()?))
}

/// Where part `part` of event `seq` of `session` is.
pub(crate) fn event(session: SessionId, seq: u64, part: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(EVENT_KEY_BYTES);
    key.push(b'e');
    key.extend_from_slice(session.as_bytes());
    key.extend_from_slice(&seq.to_be_bytes());
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// What the key of each event of `session` begins with.
pub(crate) fn events(session: SessionId) -> Vec<u8> {
    let mut key = vec![b'e'];
    key.extend_from_slice(session.as_bytes());
    key
}

/// The number and the part in an event key.
pub(crate) fn event_seq_and_part(key: &[u8]) -> Option<(u64, u16)> {
    let (rest, part) = key.split_last_chunk()?;
    let (_, seq) = rest.split_last_chunk()?;
    (key.len() == EVENT_KEY_BYTES).then(|| (u64::from_be_bytes(*seq), u16::from_be_bytes(*part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_and_give_them_back() {
        let id = SessionId::generate();
        let numbers = [0, 1, 255, 256, u64::MAX];
        assert!(numbers.map(block).is_sorted());
        for seq in numbers {
            assert_eq!(block_seq(&block(seq)), Some(seq));
            assert_eq!(event_seq_and_part(&event(id, seq, 3)), Some((seq, 3)));
            assert!(event(id, seq, 2) < event(id, seq, 256));
        }
        assert_eq!(session_id(&session(id)), Some(id));
        assert!(session(id).as_slice() > SESSIONS && session(id).as_slice() < SESSIONS_END);
    }

    #[test]
    fn a_key_of_another_kind_gives_nothing() {
        assert_eq!(block_seq(b"s12345678"), None);
        assert_eq!(block_seq(b"a1"), None);
        assert_eq!(session_id(b"s1"), None);
        assert_eq!(event_seq_and_part(b"e1"), None);
    }
}
