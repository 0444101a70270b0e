//! Whether a record, or anything of a chapter, is what was asked for.

use std::borrow::Cow;

use memchr::memmem::Finder;
use owlcoda_types::{SessionId, UnixMs, clip};
use serde::{Deserialize, Serialize};

use super::AuditQuery;
use crate::audit::{AuditRecord, MAX_TEXT_CHARS};
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
    terms: Vec<Term>,
    /// Texts that a record that matches has in its JSON.
    needles: Vec<Finder<'static>>,
    status: Finder<'static>,
    /// The classes that may match, if not all.
    classes: Option<Vec<StatusClass>>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(query: &'a AuditQuery) -> Self {
        let cut = |text: &'a Option<String>| {
            let text = text.as_deref();
            text.map(|text| clip(text, MAX_TEXT_CHARS))
        };
        let (model, endpoint) = (cut(&query.model), cut(&query.endpoint));
        let term = |field, text: &Option<Cow<'_, str>>| {
            let text = text.as_ref();
            text.map(|text| Term::new(field, text.as_bytes()))
        };
        let session = query.session.as_ref();
        let terms = [
            term(Field::Model, &model),
            term(Field::Endpoint, &endpoint),
            session.map(|session| Term::new(Field::Session, session.as_bytes())),
        ];
        let is_any = query.status_class.is_none() && query.min_status.is_none();
        let classes = StatusClass::ALL.into_iter().filter(|class| {
            query.status_class.is_none_or(|wanted| wanted == *class)
                && query.min_status.is_none_or(|min| class.may_reach(min))
        });
        Self {
            terms: terms.into_iter().flatten().collect(),
            status: Finder::new(STATUS),
            needles: needles(query, [&model, &endpoint]),
            classes: (!is_any).then(|| classes.collect()),
            query,
            model,
            endpoint,
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
        let has = |needle: &Finder<'_>| needle.find(&entry.body).is_some();
        if !self.needles.iter().all(has) {
            return Ok(None);
        }
        if self.classes.is_some()
            && let Some(status) = self.status_in(&entry.body)
            && !self.is_status(status)
        {
            return Ok(None);
        }
        if !self.terms.is_empty() || self.classes.is_some() {
            let sought: Sought<'_> = crate::record::value_of(&entry.body)?;
            if !self.is_sought(&sought) {
                return Ok(None);
            }
        }
        if !self.is_within(entry.at_ms, entry.at_ms) {
            return Ok(None);
        }
        AuditRecord::from_body(&entry.body).map(Some)
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
            && (query.session.is_none() || record.session_id == query.session)
            && self.is_status(record.status)
    }
}

/// What the JSON of each record has that matches.
fn needles(query: &AuditQuery, texts: [&Option<Cow<'_, str>>; 2]) -> Vec<Finder<'static>> {
    let texts = texts.into_iter().flatten();
    let texts = texts.filter_map(|text| serde_json::to_string(text).ok());
    let session = query.session.as_ref();
    let session = session.and_then(|session| serde_json::to_string(session).ok());
    texts
        .chain(session)
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
    status: u16,
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
