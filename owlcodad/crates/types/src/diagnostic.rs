//! Why a model call failed, in the words that programs of the product's users look for.
//!
//! One table says for each kind its name, its status and whether the same call may succeed later.
//! Whoever calls a model, over HTTP or as our own agent, gets the kind from here.

use serde::{Serialize, Serializer};

use crate::text::{clip, printable};

/// Most characters of [`Diagnostic::detail`], the mark of a cut included.
const MAX_DETAIL_CHARS: usize = 180;

/// Most characters of [`Diagnostic::message`], the mark of a cut included.
const MAX_MESSAGE_CHARS: usize = 600;

/// Longest id of a model server's own that is passed on. Unit: bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// How a model call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The model server's name leads to no address.
    Dns,
    /// No connection was made.
    Connect,
    /// The other end does not speak TLS, or its certificate is not trusted.
    Tls,
    /// A limit of ours passed.
    Timeout,
    /// The call was given up from our side.
    Abort,
    /// The model server refused the request.
    Http4xx,
    /// The model server failed.
    Http5xx,
    /// The connection broke before anything of the answer was passed on.
    InterruptedBeforeFirstToken,
    /// The connection broke within the answer.
    Interrupted,
    /// Anything else, such as an answer that makes no sense.
    Unknown,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy)]
enum Retry {
    Yes,
    No,
    /// Where the model server said 429.
    IfRateLimited,
}

/// One row of the table.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    status: u16,
    retry: Retry,
}

impl FailureKind {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Abort,
        Self::Http4xx,
        Self::Http5xx,
        Self::InterruptedBeforeFirstToken,
        Self::Interrupted,
        Self::Unknown,
    ];

    // One row a line, so that the table reads as one.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        use Retry::{IfRateLimited, No, Yes};
        let (name, status, retry) = match self {
            Self::Dns =>                         ("dns_error",                             502, Yes),
            Self::Connect =>                     ("connect_error",                         502, Yes),
            Self::Tls =>                         ("tls_error",                             502, No),
            Self::Timeout =>                     ("timeout",                               504, Yes),
            Self::Abort =>                       ("abort",                                 499, Yes),
            Self::Http4xx =>                     ("http_4xx",                              400, IfRateLimited),
            Self::Http5xx =>                     ("http_5xx",                              502, Yes),
            Self::InterruptedBeforeFirstToken => ("stream_interrupted_before_first_token", 502, Yes),
            Self::Interrupted =>                 ("stream_interrupted",                    502, Yes),
            Self::Unknown =>                     ("unknown_fetch_error",                   502, No),
        };
        Row { name, status, retry }
    }

    /// What a model server's answer of `status` amounts to; none where that is no failure.
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            400..=499 => Some(Self::Http4xx),
            500..=599 => Some(Self::Http5xx),
            _ => None,
        }
    }

    /// The kind's name: `snake_case`.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status where the model server gave none.
    pub const fn default_status(self) -> u16 {
        self.row().status
    }

    /// Whether the same call may succeed later; `status` is the model server's.
    pub const fn is_retryable(self, status: Option<u16>) -> bool {
        match self.row().retry {
            Retry::Yes => true,
            Retry::No => false,
            Retry::IfRateLimited => matches!(status, Some(429)),
        }
    }
}

impl std::fmt::Display for FailureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FailureKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the operating system said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemCause {
    /// Its name for the error, such as `ECONNREFUSED`.
    pub code: Option<&'static str>,
    /// Its number for it.
    pub errno: Option<i32>,
    /// What was asked of it, such as `connect`.
    pub syscall: Option<&'static str>,
}

/// `error.diagnostic` of a failed model call, in either dialect. Holds no key, no URL and no body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Which model server was asked: its host, or the name of one of ours.
    pub provider: String,
    /// Id of the model.
    pub model: String,
    /// How the call failed.
    pub kind: FailureKind,
    /// For a person, on one line.
    pub message: String,
    /// The model server's status, where it answered with an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Our name of the call, as in the `request-id` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The innermost cause, at most 180 characters on one line.
    pub detail: String,
    /// The operating system's name for the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_cause_code: Option<&'static str>,
    /// Its number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// What was asked of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// The model server's name of the call, for its makers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_request_id: Option<String>,
}

impl Diagnostic {
    /// A failure of `kind` at `provider`; `status` is the model server's. Set the rest as known.
    pub fn new(
        kind: FailureKind,
        provider: impl Into<String>,
        model: impl Into<String>,
        status: Option<u16>,
    ) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            kind,
            message: String::new(),
            status,
            request_id: None,
            retryable: kind.is_retryable(status),
            detail: String::new(),
            raw_cause_code: None,
            errno: None,
            syscall: None,
            upstream_request_id: None,
        }
    }

    /// The same with these words; they are put on one line and cut to size.
    #[must_use]
    pub fn with_words(mut self, message: &str, detail: &str) -> Self {
        self.message = line(message, MAX_MESSAGE_CHARS);
        self.detail = line(detail, MAX_DETAIL_CHARS);
        self
    }

    /// The same with what the operating system said.
    #[must_use]
    pub fn with_cause(mut self, cause: SystemCause) -> Self {
        self.raw_cause_code = cause.code;
        self.errno = cause.errno;
        self.syscall = cause.syscall;
        self
    }
}

/// A model server's id of a call, if it is fit to be shown.
pub fn request_id_of(given: &str) -> Option<&str> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b);
    let is_id =
        !given.is_empty() && given.len() <= MAX_REQUEST_ID_BYTES && given.bytes().all(is_plain);
    is_id.then_some(given)
}

fn line(text: &str, max_chars: usize) -> String {
    // The mark of a cut takes the place of one character.
    clip(&printable(text), max_chars - 1).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_status_and_the_advice_of_the_product() {
        let table = [
            ("dns_error", 502, true),
            ("connect_error", 502, true),
            ("tls_error", 502, false),
            ("timeout", 504, true),
            ("abort", 499, true),
            ("http_4xx", 400, false),
            ("http_5xx", 502, true),
            ("stream_interrupted_before_first_token", 502, true),
            ("stream_interrupted", 502, true),
            ("unknown_fetch_error", 502, false),
        ];
        let found = FailureKind::ALL.map(|kind| {
            (
                kind.as_str(),
                kind.default_status(),
                kind.is_retryable(None),
            )
        });
        assert_eq!(found, table);
        for status in [400, 401, 404, 422, 499] {
            let kind = FailureKind::of_status(status).unwrap();
            assert!(!kind.is_retryable(Some(status)), "{status}");
        }
        for status in [429, 500, 503, 529] {
            let kind = FailureKind::of_status(status).unwrap();
            assert!(kind.is_retryable(Some(status)), "{status}");
        }
        assert_eq!(FailureKind::of_status(200), None);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_names_are_written_as_the_product_does() {
        let plain = Diagnostic::new(FailureKind::Timeout, "h:1", "m", None).with_words("no", "d");
        assert_eq!(
            serde_json::to_string(&plain).unwrap(),
            r#"{"provider":"h:1","model":"m","kind":"timeout","message":"no","retryable":true,"detail":"d"}"#
        );
        let mut full = plain.with_cause(SystemCause {
            code: Some("ECONNRESET"),
            errno: Some(104),
            syscall: Some("read"),
        });
        full.request_id = Some("req_1".to_owned());
        full.upstream_request_id = Some("up_1".to_owned());
        let written = serde_json::to_value(&full).unwrap();
        for (name, value) in [
            ("rawCauseCode", "ECONNRESET"),
            ("syscall", "read"),
            ("requestId", "req_1"),
            ("upstreamRequestId", "up_1"),
        ] {
            assert_eq!(written[name], value, "{name}");
        }
        assert_eq!(written["errno"], 104);
    }

    #[test]
    fn words_are_on_one_line_and_cut_to_size() {
        let long = format!("a\n\u{1b}[2J{}", "ö".repeat(1000));
        let found = Diagnostic::new(FailureKind::Unknown, "h", "m", None).with_words(&long, &long);
        assert_eq!(found.detail.chars().count(), MAX_DETAIL_CHARS);
        assert!(found.message.chars().count() <= MAX_MESSAGE_CHARS);
        assert!(!found.detail.contains(char::is_control));
    }

    #[test]
    fn an_id_of_a_model_server_is_short_and_plain_or_not_shown() {
        for id in ["req_011CS", "8f3a-1b:2/x+y=="] {
            assert_eq!(request_id_of(id), Some(id));
        }
        for id in ["", "a b", "x\u{1b}[1m", "ü", &"x".repeat(200)] {
            assert_eq!(request_id_of(id), None, "{id}");
        }
    }
}
