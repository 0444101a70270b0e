//! What a model server's error means, and what of it a caller may read.
//!
//! Error bodies are untrusted and differ by server. Only the message field of a
//! known JSON form is passed on, bounded, on one line, with anything that looks
//! like a key taken out; HTML and plain text never are. Refused credentials are
//! ours, not the caller's, so those get a text of our own.

use owlcoda_types::{ErrorCode, clip, printable};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::overflow::{self, Description};
use crate::object::Str;

/// Longest message passed on. Unit: characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Most of a body that is looked at. Unit: bytes.
const MAX_BODY_BYTES: usize = 64 << 10;

const AUTH_MESSAGE: &str = "the model server refused the credentials that are configured for it";

const FORBIDDEN_MESSAGE: &str =
    "the model server does not allow this with the credentials that are configured for it";

/// A model server's error in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFault {
    /// What it means for every surface.
    pub code: ErrorCode,
    /// For a person.
    pub message: String,
    /// The server's own finer code, e.g. `invalid_value`, which clients of its dialect know.
    pub own_code: Option<String>,
}

/// Reads an error answer. `status` 200 is an error that came as a success.
pub fn from_upstream(status: u16, body: &[u8]) -> UpstreamFault {
    let body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
    let raw: Option<&RawValue> = crate::json::read(body).ok();
    from_parts(status, raw)
}

/// Reads the value of `error` in an answer or a chunk that came with status 200.
pub(crate) fn from_error_value(error: &RawValue) -> UpstreamFault {
    from_parts(200, Some(error))
}

fn from_parts(status: u16, body: Option<&RawValue>) -> UpstreamFault {
    let known = body.map(read).unwrap_or_default();
    let message = known.message.as_deref().unwrap_or_default();
    let codes: Vec<&str> = [known.code.as_deref(), known.kind.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let too_long = overflow::describe(&Description {
        message,
        codes: codes.clone(),
        prompt_tokens: known.prompt_tokens,
        limit_tokens: known.limit_tokens,
    });
    if let Some(message) = too_long {
        return UpstreamFault {
            code: ErrorCode::InvalidRequest,
            message,
            own_code: None,
        };
    }
    let status = inner_status(status, &codes);
    let code = if is_about_keys(message) {
        ErrorCode::UpstreamAuth
    } else {
        code_of(status, &codes, message)
    };
    let message = match code {
        ErrorCode::UpstreamAuth => AUTH_MESSAGE.to_owned(),
        ErrorCode::UpstreamForbidden => FORBIDDEN_MESSAGE.to_owned(),
        _ if message.trim().is_empty() => without_message(status),
        _ => presentable(message),
    };
    let own_code = known.code.filter(|code| is_plain_name(code));
    UpstreamFault {
        code,
        message,
        own_code,
    }
}

/// Whether a code is a name and nothing else: keys and addresses have digits.
fn is_plain_name(code: &str) -> bool {
    code.len() <= 64
        && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && !code.is_empty()
}

/// What a known error form says.
#[derive(Debug, Default)]
struct Known {
    message: Option<String>,
    code: Option<String>,
    kind: Option<String>,
    prompt_tokens: Option<u64>,
    limit_tokens: Option<u64>,
}

/// All forms at once; which fields there are tells which form it is.
#[derive(Deserialize)]
struct Form<'a> {
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    msg: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    n_prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    n_ctx: Option<&'a RawValue>,
}

/// How deep forms are nested: `[{"error":{"message":{…}}}]`.
const MAX_DEPTH: u8 = 4;

fn read(raw: &RawValue) -> Known {
    read_at(raw, MAX_DEPTH)
}

fn read_at(raw: &RawValue, depth: u8) -> Known {
    let Some(depth) = depth.checked_sub(1) else {
        return Known::default();
    };
    match raw.get().as_bytes().first() {
        Some(b'"') => Known {
            message: text(raw),
            ..Known::default()
        },
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            items
                .first()
                .map(|item| read_at(item, depth))
                .unwrap_or_default()
        }
        Some(b'{') => match serde_json::from_str::<Form<'_>>(raw.get()) {
            Ok(form) => read_form(&form, depth),
            Err(_) => Known::default(),
        },
        _ => Known::default(),
    }
}

fn read_form(form: &Form<'_>, depth: u8) -> Known {
    let inner = [form.error, form.detail, form.errors, form.message, form.msg]
        .into_iter()
        .flatten()
        .find(|raw| raw.get() != "null");
    let mut known = inner.map(|raw| read_at(raw, depth)).unwrap_or_default();
    known.code = known.code.or_else(|| form.code.and_then(text));
    known.kind = known
        .kind
        .or_else(|| form.kind.and_then(text).filter(|kind| kind != "error"))
        .or_else(|| form.status.and_then(text));
    known.prompt_tokens = known
        .prompt_tokens
        .or_else(|| form.n_prompt_tokens.and_then(number));
    known.limit_tokens = known.limit_tokens.or_else(|| form.n_ctx.and_then(number));
    known
}

/// A string or a number, as text.
fn text(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Str<'_>>(raw.get())
            .ok()
            .map(|text| text.0.into_owned()),
        Some(b'0'..=b'9') => Some(raw.get().to_owned()),
        _ => None,
    }
}

fn number(raw: &RawValue) -> Option<u64> {
    raw.get().parse().ok()
}

/// An error inside a success tells its status itself, if at all.
fn inner_status(status: u16, codes: &[&str]) -> u16 {
    if status >= 400 {
        return status;
    }
    codes
        .iter()
        .find_map(|code| code.parse().ok().filter(|code| (400..600).contains(code)))
        .unwrap_or(status)
}

fn code_of(status: u16, codes: &[&str], message: &str) -> ErrorCode {
    if let Some(code) = codes.iter().find_map(|code| code_of_name(code)) {
        return code;
    }
    match status {
        400 | 409 | 411 | 415 | 416 | 422 => ErrorCode::InvalidRequest,
        401 | 402 => ErrorCode::UpstreamAuth,
        403 => ErrorCode::UpstreamForbidden,
        404 => ErrorCode::NotFound,
        408 | 504 => ErrorCode::Timeout,
        413 => ErrorCode::TooLarge,
        429 => ErrorCode::RateLimited,
        503 | 529 => ErrorCode::Overloaded,
        500..=599 if is_busy(message) => ErrorCode::Overloaded,
        500 => ErrorCode::UpstreamFailed,
        508 => ErrorCode::LoopDetected,
        501..=599 => ErrorCode::Unavailable,
        _ if is_busy(message) => ErrorCode::Overloaded,
        _ if is_about_the_request(codes) => ErrorCode::InvalidRequest,
        // What the Messages API calls a failure of its own, inside a stream.
        _ if codes.contains(&"api_error") => ErrorCode::UpstreamFailed,
        _ => ErrorCode::BadUpstream,
    }
}

/// The error types and codes of the known APIs that say more than a status.
fn code_of_name(name: &str) -> Option<ErrorCode> {
    Some(match name.to_ascii_lowercase().as_str() {
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "rate_limit_reached_error"
        | "insufficient_quota"
        | "resource_exhausted"
        | "too_many_requests" => ErrorCode::RateLimited,
        "overloaded_error" | "engine_overloaded_error" | "server_busy" => ErrorCode::Overloaded,
        "authentication_error"
        | "invalid_api_key"
        | "invalid_authentication_error"
        | "unauthenticated"
        | "billing_error" => ErrorCode::UpstreamAuth,
        "permission_error" | "permission_denied" => ErrorCode::UpstreamForbidden,
        "not_found_error" | "model_not_found" => ErrorCode::NotFound,
        "request_too_large" => ErrorCode::TooLarge,
        "timeout_error" => ErrorCode::Timeout,
        _ => return None,
    })
}

/// Only where there is no status that says so.
fn is_about_the_request(codes: &[&str]) -> bool {
    codes.iter().any(|code| {
        matches!(
            *code,
            "invalid_request_error" | "BadRequestError" | "INVALID_ARGUMENT"
        )
    })
}

fn is_busy(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "server busy",
        "overloaded",
        "loading model",
        "model is loading",
        "at capacity",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

/// Google answers a bad key with 400, others with text only.
fn is_about_keys(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "api key",
        "api-key",
        "api_key",
        "apikey",
        "bearer token",
        "access token",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

fn without_message(status: u16) -> String {
    if status < 400 {
        return "the model server sent an error without a message".to_owned();
    }
    format!("the model server answered with status {status}")
}

/// Foreign text made fit to be shown.
fn presentable(message: &str) -> String {
    let line = printable(message);
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| if looks_like_a_key(word) { "***" } else { word })
        .collect();
    clip(&words.join(" "), MAX_MESSAGE_CHARS).into_owned()
}

const KEY_STARTS: &[&str] = &[
    "sk-", "sk_", "pk-", "rk-", "gsk_", "xai-", "hf_", "aiza", "ya29.", "ghp_", "eyj", "nvapi-",
    "akia", "tgp_", "fw_", "r8_", "key-",
];

/// A word that has the start of a known kind of key in it, or is long and random.
fn looks_like_a_key(word: &str) -> bool {
    let pieces = word.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.*".contains(c)));
    let mut pieces = pieces.filter(|piece| !piece.is_empty());
    pieces.any(|piece| {
        let lower = piece.to_ascii_lowercase();
        let has_start = KEY_STARTS.iter().any(|start| lower.starts_with(start));
        (has_start && piece.len() >= 6) || is_random(piece)
    })
}

fn is_random(piece: &str) -> bool {
    let letters = piece.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = piece.bytes().filter(u8::is_ascii_digit).count();
    letters + digits == piece.len() && piece.len() >= 28 && letters >= 6 && digits >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_gives_its_message_and_meaning() {
        use ErrorCode as C;
        let cases: [(u16, &str, C, &str); 15] = [
            (
                400,
                r#"{"error":{"message":"bad `n`","type":"invalid_request_error","code":null}}"#,
                C::InvalidRequest,
                "bad `n`",
            ),
            (
                404,
                r#"{"error":"model \"x\" not found, try pulling it first"}"#,
                C::NotFound,
                "model \"x\" not found, try pulling it first",
            ),
            (
                422,
                r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"missing"}]}"#,
                C::InvalidRequest,
                "field required",
            ),
            (
                400,
                r#"{"detail":"no such template"}"#,
                C::InvalidRequest,
                "no such template",
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"Invalid JSON payload","status":"INVALID_ARGUMENT"}}]"#,
                C::InvalidRequest,
                "Invalid JSON payload",
            ),
            (
                400,
                r#"{"object":"error","message":"top_k must be -1 or more","type":"BadRequestError","code":400}"#,
                C::InvalidRequest,
                "top_k must be -1 or more",
            ),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                C::Overloaded,
                "Overloaded",
            ),
            (
                503,
                r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
                C::Overloaded,
                "Loading model",
            ),
            (
                500,
                r#"{"error":"server busy, please try again. maximum pending requests exceeded"}"#,
                C::Overloaded,
                "server busy, please try again. maximum pending requests exceeded",
            ),
            (
                200,
                r#"{"error":{"code":429,"message":"slow down"}}"#,
                C::RateLimited,
                "slow down",
            ),
            (
                200,
                r#"{"error":{"message":"bad image","type":"BadRequestError"}}"#,
                C::InvalidRequest,
                "bad image",
            ),
            (
                200,
                r#"{"error":{"message":"it broke"}}"#,
                C::BadUpstream,
                "it broke",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}}"#,
                C::InvalidRequest,
                "prompt is too long: 9000 tokens > 8192 maximum",
            ),
            (
                500,
                r#"{"error":{"message":"This model's maximum context length is 10 tokens, however you requested 20 tokens"}}"#,
                C::InvalidRequest,
                "prompt is too long: 20 tokens > 10 maximum",
            ),
            (
                502,
                r"{}",
                C::Unavailable,
                "the model server answered with status 502",
            ),
        ];
        for (status, body, code, message) in cases {
            let fault = from_upstream(status, body.as_bytes());
            assert_eq!(
                (fault.code, fault.message.as_str()),
                (code, message),
                "{body}"
            );
        }
    }

    #[test]
    fn every_error_of_the_messages_api_keeps_its_meaning() {
        use ErrorCode as C;
        let cases = [
            (400, "invalid_request_error", C::InvalidRequest),
            (401, "authentication_error", C::UpstreamAuth),
            (402, "billing_error", C::UpstreamAuth),
            (403, "permission_error", C::UpstreamForbidden),
            (404, "not_found_error", C::NotFound),
            (413, "request_too_large", C::TooLarge),
            (429, "rate_limit_error", C::RateLimited),
            (500, "api_error", C::UpstreamFailed),
            (504, "timeout_error", C::Timeout),
            (529, "overloaded_error", C::Overloaded),
        ];
        for (status, kind, code) in cases {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"max_tokens: 999999 > 8192"}},"request_id":"req_1"}}"#
            );
            // Inside a stream there is no status.
            for status in [status, 200] {
                let fault = from_upstream(status, body.as_bytes());
                assert_eq!(fault.code, code, "{status} {body}");
                let is_shown = fault.message == "max_tokens: 999999 > 8192";
                let is_ours = matches!(code, C::UpstreamAuth | C::UpstreamForbidden);
                assert_eq!(is_shown, !is_ours, "{fault:?}");
            }
        }
    }

    #[test]
    fn a_page_or_plain_text_is_not_passed_on() {
        for body in [
            "<html><body>secret proxy name</body></html>",
            "upstream 10.0.0.7 is down",
            "",
        ] {
            let fault = from_upstream(502, body.as_bytes());
            assert_eq!(fault.message, "the model server answered with status 502");
            assert_eq!(fault.code, ErrorCode::Unavailable);
        }
    }

    #[test]
    fn no_piece_of_a_key_survives() {
        let cases = [
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-ab***wxyz."}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"API key not valid: AIzaSyABC"}}"#,
            ),
            (403, r#"{"error":"sk-ab wxyz may not"}"#),
            (
                500,
                r#"{"error":"failed for url=https://h/v1?key=AIzaSyabwxyz"}"#,
            ),
            (
                400,
                r#"{"error":"bad header Authorization: Bearer sk-abwxyz"}"#,
            ),
            (
                400,
                r#"{"error":"no account 0abwxyz1cdef0123456789abcdef9876"}"#,
            ),
        ];
        for (status, body) in cases {
            let fault = from_upstream(status, body.as_bytes());
            for piece in ["sk-ab", "wxyz", "AIza"] {
                assert!(!fault.message.contains(piece), "{body}: {}", fault.message);
            }
        }
    }

    #[test]
    fn a_long_message_is_cut_and_kept_on_one_line() {
        let body = format!(r#"{{"error":"a\u001b[31m\n{}"}}"#, "b ".repeat(2000));
        let fault = from_upstream(400, body.as_bytes());
        assert!(fault.message.chars().count() <= MAX_MESSAGE_CHARS + 1);
        assert!(!fault.message.contains(char::is_control));
    }
}
