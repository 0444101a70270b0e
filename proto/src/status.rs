//! How a failure crosses gRPC: our code travels as `google.rpc.ErrorInfo.reason`.

use owlcoda_types::ErrorCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `ErrorInfo.domain` of every error of ours.
const DOMAIN: &str = "owlcoda.v1";

/// A failure as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub code: ErrorCode,
    /// For a person; says the way out where there is one.
    pub message: String,
}

/// The gRPC code that stands for `code`.
const fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidRequest | ErrorCode::UnsupportedMedia => Code::InvalidArgument,
        ErrorCode::Unsupported | ErrorCode::MethodNotAllowed => Code::Unimplemented,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Conflict
        | ErrorCode::NoModel
        | ErrorCode::InvalidConfig
        | ErrorCode::LoopDetected => Code::FailedPrecondition,
        ErrorCode::TooLarge | ErrorCode::RateLimited | ErrorCode::Overloaded => {
            Code::ResourceExhausted
        }
        ErrorCode::Timeout | ErrorCode::RequestTimeout => Code::DeadlineExceeded,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::UpstreamAuth
        | ErrorCode::UpstreamForbidden
        | ErrorCode::UpstreamFailed
        | ErrorCode::Unavailable
        | ErrorCode::BadUpstream
        | ErrorCode::ShuttingDown
        | ErrorCode::Busy => Code::Unavailable,
        _ => Code::Internal,
    }
}

/// The status that carries `code` and `message` to a client.
pub fn to_status(code: ErrorCode, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(code.as_str(), DOMAIN, []);
    Status::with_error_details(grpc_code(code), message, details)
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let code = status
            .get_details_error_info()
            .filter(|info| info.domain == DOMAIN)
            .and_then(|info| ErrorCode::parse(&info.reason))
            .unwrap_or(match status.code() {
                Code::Unavailable => ErrorCode::Unavailable,
                Code::DeadlineExceeded => ErrorCode::Timeout,
                Code::Unimplemented => ErrorCode::Unsupported,
                Code::NotFound => ErrorCode::NotFound,
                Code::InvalidArgument => ErrorCode::InvalidRequest,
                Code::Cancelled => ErrorCode::Cancelled,
                Code::Unauthenticated => ErrorCode::Unauthenticated,
                Code::PermissionDenied => ErrorCode::Forbidden,
                _ => ErrorCode::Internal,
            });
        Self {
            code,
            message: status.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_arrives_as_it_was_sent() {
        for code in ErrorCode::ALL {
            let failure = Failure::from(to_status(code, "why"));
            assert_eq!(
                failure,
                Failure {
                    code,
                    message: "why".to_owned()
                }
            );
        }
    }
}
