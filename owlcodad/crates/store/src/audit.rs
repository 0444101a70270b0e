//! The audit: one record of each ended model call, appended without waiting.

use std::sync::Arc;

use owlcoda_types::{RequestId, SessionId, UnixMs, Usage, clip};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::query::{self, AuditPage, AuditQuery};
use crate::queue::Op;
use crate::record::{MAX_BODY_BYTES, to_body, value_of};
use crate::store::Inner;

/// Most characters of each text in a record; a longer one is cut and marked with `…`.
pub(crate) const MAX_TEXT_CHARS: usize = 200;
/// Most names in `dropped_fields`; the rest is marked with one `…`.
const MAX_DROPPED_FIELDS: usize = 32;
/// Most characters of each name in `dropped_fields`, and of the name of a kind.
const MAX_FIELD_CHARS: usize = 64;

/// Which way a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditRoute {
    /// Anthropic Messages over HTTP.
    Messages,
    /// Chat completions over HTTP.
    Chat,
    /// A turn of an agent.
    Agent,
    /// The daemon itself, so that a model is in memory before somebody waits for it.
    Warmup,
    /// Somebody who wanted to see whether a model answers.
    Probe,
}

impl AuditRoute {
    /// The name in the audit and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Chat => "chat",
            Self::Agent => "agent",
            Self::Warmup => "warmup",
            Self::Probe => "probe",
        }
    }
}

/// Which dialect the caller spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditDialect {
    /// Anthropic Messages.
    Anthropic,
    /// `OpenAI` chat completions.
    Openai,
}

impl AuditDialect {
    /// The name in the audit and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
        }
    }
}

/// What is kept of one ended call. Never prompts, answers or credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Which call.
    pub request_id: RequestId,
    /// When it ended.
    pub at_ms: UnixMs,
    /// Which way it came in.
    pub route: AuditRoute,
    /// Which dialect the caller spoke.
    pub dialect: AuditDialect,
    /// The model as the caller named it.
    pub model_asked: String,
    /// The model that answered; `None` if none was reached.
    #[serde(default)]
    pub model_used: Option<String>,
    /// The endpoint that answered; `None` if none was reached.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Calls of model servers, retries and fallbacks included.
    pub n_attempts: u32,
    /// The HTTP status that the caller got, or would have got.
    pub status: u16,
    /// How it ended, in one word: `ok`, or the name of an error code.
    pub outcome: String,
    /// How a call of a model failed, by its name; `None` where none did, and in records of before
    /// it was recorded.
    #[serde(default)]
    pub failure_kind: Option<String>,
    /// Whether the caller asked for a stream.
    pub is_stream: bool,
    /// What it cost in tokens.
    #[serde(default)]
    pub usage: Usage,
    /// From admission to the first token; `None` if none came.
    #[serde(default)]
    pub ttft_ms: Option<u64>,
    /// From admission to the end.
    pub elapsed_ms: u64,
    /// The session it belonged to, if any.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// Names of the request's fields that the model server's dialect cannot express.
    #[serde(default)]
    pub dropped_fields: Vec<String>,
    /// Whether an answer of before was given again, and nobody asked.
    #[serde(default)]
    pub is_cached: bool,
    /// What its tokens cost at the rates of then, in millionths of the configured currency; `None`
    /// where no rate was known, and in records of before it was recorded.
    #[serde(default)]
    pub cost_micros: Option<u64>,
}

impl AuditRecord {
    /// Cuts what came from outside down to a size that always fits.
    fn bounded(mut self) -> Self {
        let texts = [&mut self.model_asked, &mut self.outcome];
        let options = [
            &mut self.model_used,
            &mut self.endpoint,
            &mut self.failure_kind,
        ];
        for text in texts.into_iter().chain(options.into_iter().flatten()) {
            cut(text, MAX_TEXT_CHARS);
        }
        if let Some(kind) = &mut self.failure_kind {
            cut(kind, MAX_FIELD_CHARS);
        }
        if self.dropped_fields.len() > MAX_DROPPED_FIELDS {
            self.dropped_fields.truncate(MAX_DROPPED_FIELDS);
            self.dropped_fields.push("…".to_owned());
        }
        for field in &mut self.dropped_fields {
            cut(field, MAX_FIELD_CHARS);
        }
        self
    }

    /// The record in a body that [`Self::into_body`] made; the error says what is wrong with it.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, &'static str> {
        value_of(body)
    }

    /// The body of the record; `None` if it cannot be made to fit.
    pub(crate) fn into_body(self) -> Option<Vec<u8>> {
        let mut record = self.bounded();
        let body = to_body(&record).ok()?;
        if body.len() <= MAX_BODY_BYTES {
            return Some(body);
        }
        // Only names of many escaped characters come here; the rest always fits.
        record.dropped_fields = vec!["…".to_owned()];
        to_body(&record)
            .ok()
            .filter(|body| body.len() <= MAX_BODY_BYTES)
    }
}

fn cut(text: &mut String, max_chars: usize) {
    // Bytes first: nearly every text is short, and counting characters is the slower question.
    if text.len() > max_chars {
        *text = clip(text, max_chars).into_owned();
    }
}

/// The audit of a store.
#[derive(Clone, Debug)]
pub struct Audit {
    inner: Arc<Inner>,
}

impl Audit {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Queues `record`. Never waits and never fails: what finds no room, or a store that takes no
    /// writes, is counted in [`crate::StoreStats::n_audit_dropped`].
    pub fn append(&self, record: AuditRecord) {
        let at_ms = record.at_ms;
        let is_queued = record.into_body().is_some_and(|body| {
            let n_bytes = body.len();
            self.inner
                .queue
                .try_push(Op::Audit { at_ms, body }, n_bytes)
        });
        if !is_queued {
            self.inner.shared.count_dropped(1);
        }
    }

    /// Returns once everything that was queued before is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (ack, acknowledged) = oneshot::channel();
        self.inner.queue.push(Op::Flush { ack }, 0).await?;
        acknowledged.await.unwrap_or(Err(StoreError::Closed))
    }

    /// A page of records.
    ///
    /// # Errors
    ///
    /// `Poisoned` while the newest segment cannot be read, because its disk is full or broken: a
    /// page without the newest records would look like one without calls.
    pub async fn query(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.inner
            .read(move |shared| query::run(&shared.shelf, &query, &shared.findings))
            .await
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record without anything that is optional.
    pub(crate) fn record() -> AuditRecord {
        AuditRecord {
            request_id: RequestId::generate(),
            at_ms: 1,
            route: AuditRoute::Agent,
            dialect: AuditDialect::Anthropic,
            model_asked: "m".to_owned(),
            model_used: None,
            endpoint: None,
            n_attempts: 0,
            status: 200,
            outcome: "ok".to_owned(),
            failure_kind: None,
            is_stream: false,
            usage: Usage::default(),
            ttft_ms: None,
            elapsed_ms: 0,
            session_id: None,
            dropped_fields: Vec::new(),
            is_cached: false,
            cost_micros: None,
        }
    }

    #[test]
    fn a_record_of_any_content_fits_and_is_never_lost_for_its_size() {
        for hostile in ["\u{1}", "\u{10ffff}", "\"", "a"] {
            let text = hostile.repeat(100_000);
            let record = AuditRecord {
                request_id: RequestId::generate(),
                at_ms: i64::MIN,
                route: AuditRoute::Messages,
                dialect: AuditDialect::Anthropic,
                model_asked: text.clone(),
                model_used: Some(text.clone()),
                endpoint: Some(text.clone()),
                n_attempts: u32::MAX,
                status: u16::MAX,
                outcome: text.clone(),
                failure_kind: Some(text.clone()),
                is_stream: false,
                usage: Usage {
                    input_tokens: u64::MAX,
                    output_tokens: u64::MAX,
                    cache_read_tokens: u64::MAX,
                    cache_write_tokens: u64::MAX,
                },
                ttft_ms: Some(u64::MAX),
                elapsed_ms: u64::MAX,
                session_id: Some(SessionId::generate()),
                dropped_fields: vec![text; 1000],
                is_cached: true,
                cost_micros: Some(u64::MAX),
            };
            assert!(record.into_body().is_some(), "{hostile:?}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_json() {
        let routes = [
            AuditRoute::Messages,
            AuditRoute::Chat,
            AuditRoute::Agent,
            AuditRoute::Warmup,
            AuditRoute::Probe,
        ];
        for route in routes {
            let json = serde_json::to_string(&route).unwrap();
            assert_eq!(json, format!("\"{}\"", route.as_str()));
        }
        for dialect in [AuditDialect::Anthropic, AuditDialect::Openai] {
            let json = serde_json::to_string(&dialect).unwrap();
            assert_eq!(json, format!("\"{}\"", dialect.as_str()));
        }
    }
}
