//! Everything of ours on disk: sessions with their event logs, and the audit of model calls.
//!
//! An embedded log engine behind [`Store`], one for the sessions and one for each segment of the
//! audit, and one writer thread with group commit. What was
//! acknowledged survives the death of the process and a power cut; what is damaged is reported with
//! its number. No type of the engine is visible from outside.
#![warn(missing_docs)]

mod anchor;
mod audit;
mod block;
mod chapter;
mod commit;
mod directory;
mod engine;
mod error;
mod integrity;
mod key;
mod ledger;
mod lock;
mod migrate;
mod notes;
pub mod offline;
mod outage;
mod query;
mod queue;
mod record;
mod recovery;
mod segment;
mod sessions;
mod shared;
mod shelf;
mod store;
mod vault;
mod writer;

pub use audit::{Audit, AuditDialect, AuditRecord, AuditRoute, Reservation, Written};
pub use error::StoreError;
pub use integrity::Integrity;
pub use notes::{Note, Notes};
pub use query::{
    AuditGroup, AuditGrouping, AuditOrder, AuditPage, AuditQuery, AuditStarts, AuditSummary,
    StatusClass,
};
pub use sessions::{MAX_APPEND_BYTES, MAX_EVENT_BYTES, SessionMeta, Sessions, StoredEvent};
pub use store::{Store, StoreOptions, StoreStats};
