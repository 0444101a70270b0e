//! One code for every failure, and what each surface makes of it.
//!
//! A room answers `code()` for its errors; HTTP, gRPC, both error envelopes and
//! the exit status are read off this table and nowhere else.

use serde::{Deserialize, Serialize};

/// What went wrong, in the words that every surface shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request itself is wrong; sending it again changes nothing.
    InvalidRequest,
    /// The request asks for something that this version does not do.
    Unsupported,
    /// No valid credential was given.
    Unauthenticated,
    /// The credential does not allow this.
    Forbidden,
    /// The named thing does not exist.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// Another writer was first.
    Conflict,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is not JSON by its content type.
    UnsupportedMedia,
    /// The body came too slowly.
    RequestTimeout,
    /// The call has gone through too many daemons: it goes in a circle.
    LoopDetected,
    /// A limit of ours or of the model server says: later.
    RateLimited,
    /// No model is configured or discovered.
    NoModel,
    /// The model server refused our credentials.
    UpstreamAuth,
    /// The model server does not allow this with our credentials.
    UpstreamForbidden,
    /// The model server failed while it made the answer.
    UpstreamFailed,
    /// The model server could not be reached or failed.
    Unavailable,
    /// The model server says that it has too much to do, or is still loading.
    Overloaded,
    /// The model server did not answer in time.
    Timeout,
    /// The model server's answer made no sense.
    BadUpstream,
    /// The caller went away, or interrupted.
    Cancelled,
    /// The daemon is shutting down.
    ShuttingDown,
    /// The configuration is not valid.
    InvalidConfig,
    /// Something that only one may hold is held by another.
    Busy,
    /// A defect of ours.
    Internal,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller.
    Caller,
    /// The model server, or whoever runs it.
    Upstream,
    /// The daemon.
    Ours,
}

/// One row of the table.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    http: u16,
    anthropic: &'static str,
    openai: &'static str,
    exit: u8,
    is_retryable: bool,
    fault: Fault,
}

impl ErrorCode {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 25] = [
        Self::InvalidRequest,
        Self::Unsupported,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::RequestTimeout,
        Self::LoopDetected,
        Self::RateLimited,
        Self::NoModel,
        Self::UpstreamAuth,
        Self::UpstreamForbidden,
        Self::UpstreamFailed,
        Self::Unavailable,
        Self::Overloaded,
        Self::Timeout,
        Self::BadUpstream,
        Self::Cancelled,
        Self::ShuttingDown,
        Self::InvalidConfig,
        Self::Busy,
        Self::Internal,
    ];

    // One row a line, so that the table reads as one.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        use Fault::{Caller, Ours, Upstream};
        let (name, http, anthropic, openai, exit, is_retryable, fault) = match self {
            Self::InvalidRequest =>    ("invalid_request",    400, "invalid_request_error", "invalid_request_error", 1,   false, Caller),
            Self::Unsupported =>       ("unsupported",        400, "invalid_request_error", "invalid_request_error", 1,   false, Caller),
            Self::Unauthenticated =>   ("unauthenticated",    401, "authentication_error",  "authentication_error",  4,   false, Caller),
            Self::Forbidden =>         ("forbidden",          403, "permission_error",      "permission_error",      4,   false, Caller),
            Self::NotFound =>          ("not_found",          404, "not_found_error",       "invalid_request_error", 1,   false, Caller),
            Self::MethodNotAllowed =>  ("method_not_allowed", 405, "invalid_request_error", "invalid_request_error", 1,   false, Caller),
            Self::Conflict =>          ("conflict",           409, "invalid_request_error", "invalid_request_error", 1,   false, Caller),
            Self::TooLarge =>          ("too_large",          413, "request_too_large",     "invalid_request_error", 1,   false, Caller),
            Self::UnsupportedMedia =>  ("unsupported_media",  415, "invalid_request_error", "invalid_request_error", 1,   false, Caller),
            Self::RequestTimeout =>    ("request_timeout",    408, "invalid_request_error", "invalid_request_error", 1,   true,  Caller),
            Self::LoopDetected =>      ("loop_detected",      508, "api_error",             "server_error",          1,   false, Caller),
            Self::RateLimited =>       ("rate_limited",       429, "rate_limit_error",      "rate_limit_error",      75,  true,  Upstream),
            Self::NoModel =>           ("no_model",           503, "api_error",             "server_error",          6,   false, Caller),
            Self::UpstreamAuth =>      ("upstream_auth",      401, "authentication_error",  "authentication_error",  1,   false, Upstream),
            Self::UpstreamForbidden => ("upstream_forbidden", 403, "permission_error",      "permission_error",      1,   false, Upstream),
            Self::UpstreamFailed =>    ("upstream_failed",    500, "api_error",             "server_error",          1,   true,  Upstream),
            Self::Unavailable =>       ("unavailable",        502, "api_error",             "server_error",          1,   true,  Upstream),
            Self::Overloaded =>        ("overloaded",         529, "overloaded_error",      "server_error",          75,  true,  Upstream),
            Self::Timeout =>           ("timeout",            504, "api_error",             "server_error",          124, true,  Upstream),
            Self::BadUpstream =>       ("bad_upstream",       502, "api_error",             "server_error",          1,   true,  Upstream),
            Self::Cancelled =>         ("cancelled",          499, "api_error",             "server_error",          130, false, Caller),
            Self::ShuttingDown =>      ("shutting_down",      503, "overloaded_error",      "server_error",          69,  true,  Ours),
            Self::InvalidConfig =>     ("invalid_config",     500, "api_error",             "server_error",          78,  false, Caller),
            Self::Busy =>              ("busy",               503, "overloaded_error",      "server_error",          75,  true,  Ours),
            Self::Internal =>          ("internal",           500, "api_error",             "server_error",          1,   false, Ours),
        };
        Row { name, http, anthropic, openai, exit, is_retryable, fault }
    }

    /// The code's name on the wire, in logs and in the audit: `snake_case`.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The code of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The status of an HTTP answer. 499 and 529 are not in the IANA registry:
    /// the first is nginx's for a caller that left, the second Anthropic's for
    /// overload.
    pub const fn http_status(self) -> u16 {
        self.row().http
    }

    /// `error.type` of the Anthropic Messages API.
    pub const fn anthropic_type(self) -> &'static str {
        self.row().anthropic
    }

    /// `error.type` of the `OpenAI` API.
    pub const fn openai_type(self) -> &'static str {
        self.row().openai
    }

    /// The exit status of `owlctl` and `owl-repl`.
    pub const fn exit_status(self) -> u8 {
        self.row().exit
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        self.row().is_retryable
    }

    /// Who has to act.
    pub const fn fault(self) -> Fault {
        self.row().fault
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(ErrorCode::parse("no such code"), None);
    }

    #[test]
    fn what_a_caller_caused_is_a_4xx_or_names_the_configuration() {
        for code in ErrorCode::ALL {
            let is_4xx = (400..500).contains(&code.http_status());
            let is_configuration = matches!(
                code,
                ErrorCode::NoModel | ErrorCode::InvalidConfig | ErrorCode::LoopDetected
            );
            // A model server's refusal keeps its status, so that callers see what they know.
            let is_kept = matches!(
                code,
                ErrorCode::RateLimited | ErrorCode::UpstreamAuth | ErrorCode::UpstreamForbidden
            );
            if code.fault() == Fault::Caller {
                assert!(is_4xx || is_configuration, "{code}");
            } else {
                assert_eq!(is_4xx, is_kept, "{code}");
            }
        }
    }
}
