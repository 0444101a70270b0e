//! Whether a record, or anything of a chapter, is what was asked for.

use std::borrow::Cow;

use memchr::memmem::Finder;
use owlcoda_types::{RequestId, SessionId, UnixMs, clip};
use serde::{Deserialize, Serialize};

use super::{AuditQuery, AuditStarts};
use crate::audit::{AuditRecord, MAX_FIELD_CHARS, MAX_TEXT_CHARS, Running, START};
use crate::block::Entry;
use crate::chapter::{Chapter, Field, Term};

/// How a call ended, as its status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusClass {
    /// Any status below 400.
    Success,
    /// 4xx, but for the two below.
    ClientError,
    /// 429.
    RateLimited,
    /// 499: the caller left before the end.
    ClientGone,
    /// 500 and above.
    ServerError,
}

impl StatusClass {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::ClientError,
        Self::RateLimited,
        Self::ClientGone,
        Self::ServerError,
    ];

    /// The class of `status`.
    pub const fn of(status: u16) -> Self {
        match status {
            0..400 => Self::Success,
            429 => Self::RateLimited,
            499 => Self::ClientGone,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::ClientError => "4xx",
            Self::RateLimited => "429",
            Self::ClientGone => "client_gone",
            Self::ServerError => "5xx",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Whether a status of this class may be `min_status` or higher.
    const fn may_reach(self, min_status: u16) -> bool {
        match self {
            Self::Success => min_status < 400,
            Self::ClientError => min_status < 500,
            Self::RateLimited => min_status <= 429,
            Self::ClientGone => min_status <= 499,
            Self::ServerError => true,
        }
    }
}

/// What the status of a record follows in its JSON. It is in no text, where the quotes would be escaped.
const STATUS: &[u8] = b"\"status\":";

/// A question, made ready.
pub(super) struct Filter<'a> {
    query: &'a AuditQuery,
    /// Cut as the texts of records are, so that a name that is too long finds its records.
    model: Option<Cow<'a, str>>,
    endpoint: Option<Cow<'a, str>>,
    client: Option<Cow<'a, str>>,
    /// Calls that have not ended.
    running: &'a Running,
    terms: Vec<Term>,
    /// Texts that a record that matches has in its JSON.
    needles: Vec<Finder<'static>>,
    status: Finder<'static>,
    /// The classes that may match, if not all.
    classes: Option<Vec<StatusClass>>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(query: &'a AuditQuery, running: &'a Running) -> Self {
        let cut = |text: &'a Option<String>, max_chars| {
            let text = text.as_deref();
            text.map(|text| clip(text, max_chars))
        };
        let model = cut(&query.model, MAX_TEXT_CHARS);
        let endpoint = cut(&query.endpoint, MAX_TEXT_CHARS);
        let client = cut(&query.client, MAX_FIELD_CHARS);
        let term = |field, text: &Option<Cow<'_, str>>| {
            let text = text.as_ref();
            text.map(|text| Term::new(field, text.as_bytes()))
        };
        let session = query.session.as_ref();
        let terms = [
            term(Field::Model, &model),
            term(Field::Endpoint, &endpoint),
            session.map(|session| Term::new(Field::Session, session.as_bytes())),
            term(Field::Client, &client),
            (query.starts == AuditStarts::Only).then(Term::start),
        ];
        let is_any = query.status_class.is_none() && query.min_status.is_none();
        let classes = StatusClass::ALL.into_iter().filter(|class| {
            query.status_class.is_none_or(|wanted| wanted == *class)
                && query.min_status.is_none_or(|min| class.may_reach(min))
        });
        Self {
            terms: terms.into_iter().flatten().collect(),
            status: Finder::new(STATUS),
            needles: needles(query, [&model, &endpoint, &client]),
            classes: (!is_any).then(|| classes.collect()),
            query,
            model,
            endpoint,
            client,
            running,
        }
    }

    /// Whether any time from `min_ms` to `max_ms` is asked for.
    pub(super) fn is_within(&self, min_ms: UnixMs, max_ms: UnixMs) -> bool {
        self.query.since_ms.is_none_or(|since| max_ms >= since)
            && self.query.until_ms.is_none_or(|until| min_ms < until)
    }

    /// The blocks of `chapter` that may have a match, as bits.
    pub(super) fn blocks_of(&self, chapter: &Chapter) -> u8 {
        if !self.is_within(chapter.min_at_ms, chapter.max_at_ms) {
            return 0;
        }
        let mut blocks = u8::MAX;
        for term in &self.terms {
            blocks &= chapter.blocks_with(*term);
        }
        if let Some(classes) = &self.classes {
            let with = classes
                .iter()
                .map(|class| chapter.blocks_with_class(*class));
            blocks &= with.fold(0, |all, with| all | with);
        }
        blocks
    }

    /// The record of `entry` if it matches; the error says what is wrong with it.
    pub(super) fn record(&self, entry: &Entry) -> Result<Option<AuditRecord>, &'static str> {
        // Most records of a block do not match, and most of those can be told by looking for a text;
        // of the others half a record is read in half the time.
        let is_start = entry.body.starts_with(START);
        let is_shown = match self.query.starts {
            AuditStarts::Hidden => !is_start,
            AuditStarts::Running => !is_start || !self.running.is_empty(),
            AuditStarts::All => true,
            AuditStarts::Only => is_start,
        };
        if !is_shown {
            return Ok(None);
        }
        let has = |needle: &Finder<'_>| needle.find(&entry.body).is_some();
        if !self.needles.iter().all(has) {
            return Ok(None);
        }
        // How a call will end nobody knows yet.
        if self.classes.is_some() && is_start && self.query.starts != AuditStarts::Running {
            return Ok(None);
        }
        if self.classes.is_some()
            && !is_start
            && let Some(status) = self.status_in(&entry.body)
            && !self.is_status(status)
        {
            return Ok(None);
        }
        if !self.is_within(entry.at_ms, entry.at_ms) {
            return Ok(None);
        }
        if is_start {
            return Ok(self.start(AuditRecord::from_body(&entry.body)?));
        }
        let is_any = self.terms.is_empty()
            && self.classes.is_none()
            && self.query.min_elapsed_ms.is_none()
            && self.query.request.is_none();
        if !is_any {
            let sought: Sought<'_> = crate::record::value_of(&entry.body)?;
            if !self.is_sought(&sought) {
                return Ok(None);
            }
        }
        AuditRecord::from_body(&entry.body).map(Some)
    }

    /// What is shown of a call that has begun.
    fn start(&self, record: AuditRecord) -> Option<AuditRecord> {
        let record = match self.query.starts {
            AuditStarts::Running => self.running.describe(record),
            _ => Some(record),
        };
        let is_sought = |record: &AuditRecord| {
            // While it runs it has no status.
            let has_status = self.classes.is_none() || record.status > 0;
            has_status && self.is_sought(&Sought::of(record))
        };
        record.filter(is_sought)
    }

    /// The status in the JSON of a record, if it is where we write it.
    fn status_in(&self, body: &[u8]) -> Option<u16> {
        let at = self.status.find(body)? + STATUS.len();
        let digits = body
            .get(at..)?
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        digits.take(5).try_fold(0_u16, |number, digit| {
            number.checked_mul(10)?.checked_add(u16::from(digit - b'0'))
        })
    }

    fn is_status(&self, status: u16) -> bool {
        let query = self.query;
        query.min_status.is_none_or(|min| status >= min)
            && query
                .status_class
                .is_none_or(|class| class == StatusClass::of(status))
    }

    fn is_sought(&self, record: &Sought<'_>) -> bool {
        let is_model = self.model.as_ref().is_none_or(|model| {
            record.model_asked == *model || record.model_used.as_ref() == Some(model)
        });
        let query = self.query;
        is_model
            && (self.endpoint.is_none() || record.endpoint == self.endpoint)
            && (self.client.is_none() || record.client == self.client)
            && query
                .min_elapsed_ms
                .is_none_or(|min| record.elapsed_ms >= min)
            && query
                .request
                .is_none_or(|request| record.request_id == request)
            && (query.session.is_none() || record.session_id == query.session)
            && self.is_status(record.status)
    }
}

/// What the JSON of each record has that matches.
fn needles(query: &AuditQuery, texts: [&Option<Cow<'_, str>>; 3]) -> Vec<Finder<'static>> {
    let texts = texts.into_iter().flatten();
    let texts = texts.filter_map(|text| serde_json::to_string(text).ok());
    let session = query.session.as_ref();
    let session = session.and_then(|session| serde_json::to_string(session).ok());
    let request = query.request.as_ref();
    let request = request.and_then(|request| serde_json::to_string(request).ok());
    texts
        .chain(session)
        .chain(request)
        .map(|needle| Finder::new(needle.as_bytes()).into_owned())
        .collect()
}

/// What a record is asked for by.
#[derive(Deserialize)]
struct Sought<'a> {
    #[serde(borrow)]
    model_asked: Cow<'a, str>,
    #[serde(borrow, default)]
    model_used: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    endpoint: Option<Cow<'a, str>>,
    #[serde(default)]
    session_id: Option<SessionId>,
    #[serde(borrow, default)]
    client: Option<Cow<'a, str>>,
    status: u16,
    elapsed_ms: u64,
    request_id: RequestId,
}

impl<'a> Sought<'a> {
    fn of(record: &'a AuditRecord) -> Self {
        let some = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            model_asked: Cow::Borrowed(&record.model_asked),
            model_used: some(&record.model_used),
            endpoint: some(&record.endpoint),
            session_id: record.session_id,
            client: some(&record.client),
            status: record.status,
            elapsed_ms: record.elapsed_ms,
            request_id: record.request_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_class_which_has_one_name() {
        let cases = [
            (200, "2xx"),
            (304, "2xx"),
            (400, "4xx"),
            (429, "429"),
            (498, "4xx"),
            (499, "client_gone"),
            (500, "5xx"),
            (u16::MAX, "5xx"),
        ];
        for (status, name) in cases {
            assert_eq!(StatusClass::parse(name), Some(StatusClass::of(status)));
        }
    }

    #[test]
    fn no_class_is_passed_over_that_has_a_status_from_the_least_on() {
        for min_status in 0..1000 {
            for status in min_status..1000 {
                let class = StatusClass::of(status);
                assert!(class.may_reach(min_status), "{status} from {min_status}");
            }
        }
    }
}
