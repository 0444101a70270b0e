//! Error bodies in the two dialects of our callers.

use bytes::Bytes;
use owlcoda_types::ErrorCode;
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
}

/// The body of an error answer, or the data of an error inside a chat stream.
pub fn error_body(dialect: Dialect, code: ErrorCode, message: &str, request_id: &str) -> Bytes {
    body(dialect, code, message, request_id, None)
}

/// The same with `detail`, the finer code that some callers look for: it is
/// `error.details.error_code` for one dialect and `error.code` for the other.
pub fn error_body_with_detail(
    dialect: Dialect,
    code: ErrorCode,
    message: &str,
    request_id: &str,
    detail: &str,
) -> Bytes {
    body(dialect, code, message, request_id, Some(detail))
}

fn body(
    dialect: Dialect,
    code: ErrorCode,
    message: &str,
    request_id: &str,
    detail: Option<&str>,
) -> Bytes {
    let json = match dialect {
        Dialect::Anthropic => serde_json::to_vec(&AnthropicBody {
            kind: "error",
            error: AnthropicError {
                kind: code.anthropic_type(),
                message,
                details: detail.map(|error_code| Details { error_code }),
            },
            request_id,
        }),
        Dialect::OpenAi => serde_json::to_vec(&OpenAiBody {
            error: OpenAiError {
                message,
                kind: code.openai_type(),
                param: None,
                code: detail.unwrap_or(code.as_str()),
            },
        }),
    };
    // Cannot fail: every key is a string and nothing is written outside memory.
    Bytes::from(json.unwrap_or_default())
}
