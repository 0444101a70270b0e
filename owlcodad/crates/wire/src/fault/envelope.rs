//! Error bodies in the two dialects of our callers.

use bytes::Bytes;
use owlcoda_types::{Diagnostic, ErrorCode};
use serde::Serialize;

/// Which API a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// `OpenAI` Chat Completions.
    OpenAi,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostic: Option<&'a Diagnostic>,
}

#[derive(Serialize)]
struct Details<'a> {
    error_code: &'a str,
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostic: Option<&'a Diagnostic>,
}

/// What an error says, whatever the dialect.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBody<'a> {
    /// Decides the error's type.
    pub code: ErrorCode,
    /// For a person.
    pub message: &'a str,
    /// Our name of the request.
    pub request_id: &'a str,
    /// The finer code that some callers look for: it is `error.details.error_code` for one dialect
    /// and `error.code` for the other.
    pub detail: Option<&'a str>,
    /// How a model call failed; no client of either dialect minds one member more.
    pub diagnostic: Option<&'a Diagnostic>,
}

impl ErrorBody<'_> {
    /// The body of an error answer, or the data of an error inside a stream.
    pub fn write(&self, dialect: Dialect) -> Bytes {
        let &Self {
            code,
            message,
            request_id,
            detail,
            diagnostic,
        } = self;
        let json = match dialect {
            Dialect::Anthropic => serde_json::to_vec(&AnthropicBody {
                kind: "error",
                error: AnthropicError {
                    kind: code.anthropic_type(),
                    message,
                    details: detail.map(|error_code| Details { error_code }),
                    diagnostic,
                },
                request_id,
            }),
            Dialect::OpenAi => serde_json::to_vec(&OpenAiBody {
                error: OpenAiError {
                    message,
                    kind: code.openai_type(),
                    param: None,
                    code: detail.unwrap_or(code.as_str()),
                    diagnostic,
                },
            }),
        };
        // Cannot fail: every key is a string and nothing is written outside memory.
        Bytes::from(json.unwrap_or_default())
    }
}

/// An error that no model call made.
pub fn error_body(dialect: Dialect, code: ErrorCode, message: &str, request_id: &str) -> Bytes {
    let (detail, diagnostic) = (None, None);
    ErrorBody {
        code,
        message,
        request_id,
        detail,
        diagnostic,
    }
    .write(dialect)
}
