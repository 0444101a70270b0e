//! What is kept of a call, and its form on disk.

use owlcoda_types::{RequestId, SessionId, UnixMs, Usage, clip};
use serde::{Deserialize, Serialize};

use crate::record::{MAX_BODY_BYTES, to_body, value_of};

/// Most characters of each text in a record; a longer one is cut and marked with `…`.
pub(crate) const MAX_TEXT_CHARS: usize = 200;
/// Most names in `dropped_fields`; the rest is marked with one `…`.
const MAX_DROPPED_FIELDS: usize = 32;
/// Most characters of each name in `dropped_fields`, and of what is one word of ours.
pub(crate) const MAX_FIELD_CHARS: usize = 64;

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
    /// When the oldest call began that was under way when this one did. Only in the record of a
    /// beginning, where it is first, so that one is known by its first bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_open_ms: Option<UnixMs>,
    /// Which call.
    pub request_id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// Which way it came in.
    pub route: AuditRoute,
    /// Who called: `uid:1000`, `token`, `agent`, `daemon`; `None` where nobody looked, and in
    /// records of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Which dialect the caller spoke.
    pub dialect: AuditDialect,
    /// Which dialect the endpoint speaks; `None` if none was asked, and in records of before it was
    /// recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect_out: Option<AuditDialect>,
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
    /// Bytes of the body that the caller sent; `None` for calls that did not come over HTTP, and in
    /// records of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// Bytes of the body of the answer that the caller got, or was getting; the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
}

/// The body of the record of a beginning starts so, and no other.
pub(crate) const START: &[u8] = br#"{"v":1,"r":{"oldest_open_ms":"#;

impl AuditRecord {
    /// The outcome of a call that has begun, as it is stored.
    pub const STARTED: &str = "started";
    /// The outcome that is shown for it while the call runs.
    pub const RUNNING: &str = "running";
    /// The outcome of a call of which nobody knows the end.
    pub const LOST: &str = "lost";
    /// The status that stands for that end.
    pub const LOST_STATUS: u16 = 500;

    /// Whether it says that a call has begun, and not how it ended.
    pub const fn is_start(&self) -> bool {
        self.oldest_open_ms.is_some()
    }

    /// Cuts what came from outside down to a size that always fits.
    fn bounded(mut self) -> Self {
        let names = [&mut self.model_used, &mut self.endpoint];
        for text in names.into_iter().flatten().chain([&mut self.model_asked]) {
            cut(text, MAX_TEXT_CHARS);
        }
        let words = [&mut self.failure_kind, &mut self.client];
        for text in words.into_iter().flatten().chain([&mut self.outcome]) {
            cut(text, MAX_FIELD_CHARS);
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
        self.into_body_and(|_| ()).map(|(body, ())| body)
    }

    /// The same, and what `look` sees in the record as it is stored.
    pub(crate) fn into_body_and<T>(self, look: impl FnOnce(&Self) -> T) -> Option<(Vec<u8>, T)> {
        let mut record = self.bounded();
        let seen = look(&record);
        let body = to_body(&record).ok()?;
        if body.len() <= MAX_BODY_BYTES {
            return Some((body, seen));
        }
        // Only names of many escaped characters come here; the rest always fits.
        record.dropped_fields = vec!["…".to_owned()];
        let body = to_body(&record).ok()?;
        (body.len() <= MAX_BODY_BYTES).then_some((body, seen))
    }
}

fn cut(text: &mut String, max_chars: usize) {
    // Bytes first: nearly every text is short, and counting characters is the slower question.
    if text.len() > max_chars {
        *text = clip(text, max_chars).into_owned();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record without anything that is optional.
    pub(crate) fn record() -> AuditRecord {
        AuditRecord {
            oldest_open_ms: None,
            request_id: RequestId::generate(),
            at_ms: 1,
            route: AuditRoute::Agent,
            client: None,
            dialect: AuditDialect::Anthropic,
            dialect_out: None,
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
            bytes_in: None,
            bytes_out: None,
        }
    }

    #[test]
    fn a_record_of_any_content_fits_and_is_never_lost_for_its_size() {
        for hostile in ["\u{1}", "\u{10ffff}", "\"", "a"] {
            let text = hostile.repeat(100_000);
            let record = AuditRecord {
                oldest_open_ms: Some(i64::MIN),
                request_id: RequestId::generate(),
                at_ms: i64::MIN,
                route: AuditRoute::Messages,
                client: Some(text.clone()),
                dialect: AuditDialect::Anthropic,
                dialect_out: Some(AuditDialect::Anthropic),
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
                bytes_in: Some(u64::MAX),
                bytes_out: Some(u64::MAX),
            };
            assert!(record.into_body().is_some(), "{hostile:?}");
        }
    }

    #[test]
    fn a_beginning_is_known_by_its_first_bytes_and_an_end_is_none() {
        let end = record();
        let start = AuditRecord {
            oldest_open_ms: Some(-7),
            ..end.clone()
        };
        assert!(start.is_start() && !end.is_start());
        let body = start.clone().into_body().unwrap();
        assert!(body.starts_with(START));
        assert_eq!(AuditRecord::from_body(&body), Ok(start));
        assert!(!end.into_body().unwrap().starts_with(START));
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
