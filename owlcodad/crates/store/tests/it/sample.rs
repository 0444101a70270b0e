//! Records and events whose content follows from their number, so that a reader can check it.

use std::path::Path;

use owlcoda_store::{
    AuditDialect, AuditRecord, AuditRoute, SessionMeta, Store, StoreError, StoreOptions,
    StoredEvent,
};
use owlcoda_types::{RequestId, SessionId, Usage};

pub(crate) fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, StoreOptions::default())
}

pub(crate) fn record(number: u64) -> AuditRecord {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    AuditRecord {
        oldest_open_ms: None,
        request_id: RequestId::from_bytes(id),
        at_ms: 1_700_000_000_000,
        route: AuditRoute::Messages,
        client: None,
        dialect: AuditDialect::Anthropic,
        dialect_out: None,
        model_asked: format!("model-{}", number % 3),
        model_used: Some("served".to_owned()),
        endpoint: Some("local".to_owned()),
        n_attempts: 1,
        status: if number.is_multiple_of(5) { 502 } else { 200 },
        outcome: "ok".to_owned(),
        failure_kind: None,
        is_stream: true,
        usage: Usage::default(),
        ttft_ms: Some(number),
        elapsed_ms: number + 1,
        session_id: None,
        dropped_fields: vec!["top_k".to_owned()],
        is_cached: false,
        cost_micros: None,
        bytes_in: None,
        bytes_out: None,
    }
}

pub(crate) fn meta(id: SessionId, head_seq: u64) -> SessionMeta {
    SessionMeta {
        id,
        title: format!("after {head_seq}"),
        model: "served".to_owned(),
        created_at_ms: 1,
        updated_at_ms: 1_700_000_000_000,
        head_seq,
        n_turns: 1,
        usage: Usage::default(),
    }
}

pub(crate) fn event(seq: u64, n_bytes: usize) -> StoredEvent {
    let body = (0..n_bytes).map(|at| content(seq, at)).collect();
    StoredEvent {
        seq,
        at_ms: 5,
        body,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low byte is what is wanted"
)]
fn content(seq: u64, at: usize) -> u8 {
    (seq as usize).wrapping_mul(31).wrapping_add(at / 7) as u8
}
