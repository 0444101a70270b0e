//! The store against a model of it: any sequence of writes, questions, crashes and reopenings.
//!
//! A crash is a copy of the files at that moment, opened elsewhere: as after the death of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use owlcoda_store::{
    AuditOrder, AuditQuery, AuditRecord, Integrity, StatusClass, Store, StoreOptions,
};
use owlcoda_types::SessionId;
use proptest::prelude::*;

use crate::damage::{contents, put};
use crate::sample::{event, meta, record};

#[derive(Clone, Debug)]
enum Step {
    /// Append this many records and wait.
    Append(u16),
    /// Append this many and do not wait.
    AppendUnawaited(u16),
    /// Append events to one of a few sessions.
    Events {
        session: u8,
        n_events: u8,
    },
    /// Remove one of them, whether it is there or not.
    Remove {
        session: u8,
    },
    Ask(Question),
    Reopen,
    Crash,
}

#[derive(Clone, Debug)]
struct Question {
    limit: usize,
    is_oldest_first: bool,
    model: Option<u8>,
    status_class: Option<u8>,
    after_seq: Option<u64>,
    before_seq: Option<u64>,
    /// Part of all of the time, in tenths.
    since: Option<i64>,
}

fn question() -> impl Strategy<Value = Question> {
    (
        1..300_usize,
        any::<bool>(),
        prop::option::of(0..4_u8),
        prop::option::of(0..5_u8),
        prop::option::of(0..900_u64),
        prop::option::of(0..900_u64),
        prop::option::of(0..10_i64),
    )
        .prop_map(
            |(limit, is_oldest_first, model, status_class, after_seq, before_seq, since)| {
                Question {
                    limit,
                    is_oldest_first,
                    model,
                    status_class,
                    after_seq,
                    before_seq,
                    since,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..200_u16).prop_map(Step::Append),
        1 => (1..200_u16).prop_map(Step::AppendUnawaited),
        2 => (0..3_u8, 1..6_u8).prop_map(|(session, n_events)| Step::Events { session, n_events }),
        1 => (0..3_u8).prop_map(|session| Step::Remove { session }),
        4 => question().prop_map(Step::Ask),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

fn numbered(number: u64) -> AuditRecord {
    let mut numbered = record(number);
    // Not in order.
    numbered.at_ms = i64::try_from(number * 7 % 1000).unwrap_or_default();
    numbered
}

/// What must be there.
#[derive(Default)]
struct Model {
    audit: BTreeMap<u64, AuditRecord>,
    /// Records that were appended but not waited for.
    n_unawaited: u64,
    heads: BTreeMap<u8, u64>,
}

struct World {
    store: Store,
    home: tempfile::TempDir,
    model: Model,
    n_crashes: u32,
}

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 30_000,
        ..StoreOptions::default()
    }
}

#[expect(clippy::unwrap_used, reason = "a step that fails fails the test")]
impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(&home.path().join("0"), options()).unwrap(),
            home,
            model: Model::default(),
            n_crashes: 0,
        }
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join(self.n_crashes.to_string())
    }

    fn append(&mut self, n_records: u16) {
        for _ in 0..n_records {
            let next = self.model.audit.len() as u64 + self.model.n_unawaited + 1;
            self.store.audit().append(numbered(next));
            self.model.n_unawaited += 1;
        }
    }

    async fn flush(&mut self) {
        self.store.audit().flush().await.unwrap();
        self.settle(self.model.n_unawaited);
    }

    /// `n_records` of those that nobody waited for are there.
    fn settle(&mut self, n_records: u64) {
        let first = self.model.audit.len() as u64 + 1;
        let settled = first..first + n_records;
        self.model
            .audit
            .extend(settled.map(|seq| (seq, numbered(seq))));
        self.model.n_unawaited = 0;
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append(n_records) => {
                self.append(n_records);
                self.flush().await;
            }
            Step::AppendUnawaited(n_records) => self.append(n_records),
            Step::Events { session, n_events } => {
                let head = self.model.heads.entry(session).or_default();
                let events = (*head + 1..=*head + u64::from(n_events)).map(|seq| event(seq, 500));
                *head += u64::from(n_events);
                let state = meta(SessionId::from_bytes([session; 16]), *head);
                self.store
                    .sessions()
                    .append(state, events.collect())
                    .await
                    .unwrap();
            }
            Step::Remove { session } => {
                let was_there = self.model.heads.remove(&session).is_some();
                let id = SessionId::from_bytes([session; 16]);
                let removed = self.store.sessions().remove(id).await.unwrap();
                assert_eq!(removed, was_there);
            }
            Step::Ask(question) => {
                self.flush().await;
                self.ask(&question).await;
            }
            Step::Reopen => {
                self.store.close().await;
                self.settle(self.model.n_unawaited);
                self.store = Store::open(&self.dir(), options()).unwrap();
                self.check().await;
            }
            Step::Crash => self.crash().await,
        }
    }

    async fn crash(&mut self) {
        let files = loop {
            // A crash sees all files at one moment: between two commits, if it was one copying.
            let before = self.store.stats();
            let dir = self.dir();
            let copied = std::panic::catch_unwind(|| contents(&dir));
            match copied {
                Ok(files) if self.store.stats() == before => break files,
                _ => tokio::task::yield_now().await,
            }
        };
        self.store.close().await;
        self.n_crashes += 1;
        put(&self.dir(), &files);
        self.store = Store::open(&self.dir(), options()).unwrap();
        let last_seq = self.store.stats().last_audit_seq;
        let n_sure = self.model.audit.len() as u64;
        assert!(
            last_seq >= n_sure,
            "{last_seq} of {n_sure} records are left"
        );
        assert!(last_seq <= n_sure + self.model.n_unawaited);
        self.settle(last_seq - n_sure);
        self.check().await;
    }

    async fn check(&self) {
        assert_eq!(self.store.stats().integrity, Integrity::Ok);
        assert_eq!(
            self.store.stats().n_audit_records,
            self.model.audit.len() as u64
        );
        let n_sessions = self.store.sessions().list(10).await.unwrap().len();
        assert_eq!(n_sessions, self.model.heads.len());
        assert_eq!(self.store.stats().n_sessions, n_sessions as u64);
        for (session, head) in &self.model.heads {
            let id = SessionId::from_bytes([*session; 16]);
            let events = self.store.sessions().events(id, 0, 10_000).await.unwrap();
            assert_eq!(events.len() as u64, *head);
            let state = self.store.sessions().get(id).await.unwrap();
            assert_eq!(state, Some(meta(id, *head)));
        }
    }

    async fn ask(&self, question: &Question) {
        let mut query = AuditQuery {
            limit: question.limit,
            order: if question.is_oldest_first {
                AuditOrder::OldestFirst
            } else {
                AuditOrder::NewestFirst
            },
            model: question.model.map(|model| format!("model-{model}")),
            status_class: question
                .status_class
                .and_then(|class| StatusClass::ALL.get(usize::from(class)).copied()),
            after_seq: question.after_seq,
            before_seq: question.before_seq,
            since_ms: question.since.map(|tenth| tenth * 100),
            ..AuditQuery::default()
        };
        let matches = |seq: u64, record: &AuditRecord| {
            query
                .model
                .as_ref()
                .is_none_or(|model| record.model_asked == *model)
                && query
                    .status_class
                    .is_none_or(|class| StatusClass::of(record.status) == class)
                && query.after_seq.is_none_or(|after| seq > after)
                && query.before_seq.is_none_or(|before| seq < before)
                && query.since_ms.is_none_or(|since| record.at_ms >= since)
        };
        let found = self.model.audit.iter();
        let found = found.filter(|(seq, record)| matches(**seq, record));
        let mut expected: Vec<_> = found.map(|(seq, record)| (*seq, record.clone())).collect();
        if query.order == AuditOrder::NewestFirst {
            expected.reverse();
        }
        let mut answer = Vec::new();
        loop {
            let page = self.store.audit().query(query.clone()).await.unwrap();
            assert!(
                page.damaged.is_empty() && page.missing.is_empty(),
                "{page:?}"
            );
            answer.extend(page.records.iter().cloned());
            match query.following(&page) {
                Some(next) => query = next,
                None => break,
            }
        }
        assert_eq!(answer, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_answers_as_a_map_would_across_crashes_and_reopenings(
        steps in prop::collection::vec(step(), 1..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.step(step).await;
            }
            world.flush().await;
            world.check().await;
            world.store.close().await;
        });
    }
}
