//! Which failure has which kind, and that statuses agree with the table.

use owlcoda_upstream::UpstreamError;

use super::*;

fn interrupted() -> CallError {
    let (endpoint, reason) = ("h:1".to_owned(), "reset".to_owned());
    let cause = SystemCause::default();
    UpstreamError::Interrupted {
        endpoint,
        reason,
        cause,
    }
    .into()
}

fn connect(kind: FailureKind) -> CallError {
    let (endpoint, reason) = ("h:1".to_owned(), "no".to_owned());
    let cause = SystemCause::default();
    UpstreamError::Connect {
        endpoint,
        reason,
        kind,
        cause,
    }
    .into()
}

fn refused(status: u16) -> CallError {
    let fault = owlcoda_wire::fault::from_upstream(status, b"");
    CallError::Refused {
        status,
        code: fault.code,
        message: fault.message,
        retry_after: None,
        own_code: None,
    }
}

fn inside(code: ErrorCode) -> CallError {
    let message = "no".to_owned();
    StreamFault::Upstream { code, message }.into()
}

fn silent() -> CallError {
    let (endpoint, limit) = ("h:1".to_owned(), Duration::from_secs(1));
    UpstreamError::Idle { endpoint, limit }.into()
}

#[test]
fn every_failure_of_a_model_call_has_its_kind() {
    use FailureKind as Kind;
    let name = "m".to_owned();
    let cases = [
        (connect(Kind::Dns), Some(Kind::Dns)),
        (connect(Kind::Connect), Some(Kind::Connect)),
        (connect(Kind::Tls), Some(Kind::Tls)),
        (connect(Kind::Timeout), Some(Kind::Timeout)),
        (silent(), Some(Kind::Timeout)),
        (CallError::ShuttingDown, Some(Kind::Abort)),
        (interrupted(), Some(Kind::InterruptedBeforeFirstToken)),
        (
            StreamFault::Truncated.into(),
            Some(Kind::InterruptedBeforeFirstToken),
        ),
        (refused(400), Some(Kind::Http4xx)),
        (refused(429), Some(Kind::Http4xx)),
        (refused(500), Some(Kind::Http5xx)),
        (refused(302), Some(Kind::Unknown)),
        (inside(ErrorCode::RateLimited), Some(Kind::Http4xx)),
        (inside(ErrorCode::Overloaded), Some(Kind::Http5xx)),
        (inside(ErrorCode::BadUpstream), Some(Kind::Unknown)),
        (StreamFault::BadJson.into(), Some(Kind::Unknown)),
        (CallError::NotAStream, Some(Kind::Unknown)),
        (CallError::Internal(name.clone()), None),
        (ManagedError::Unknown { name }.into(), None),
        (TranslateError::ThreadUnsupported.into(), None),
    ];
    for (error, kind) in cases {
        assert_eq!(error.kind(Progress::BeforeAnswer), kind, "{error:?}");
    }
    for error in [interrupted(), StreamFault::Truncated.into()] {
        let kind = error.kind(Progress::InAnswer);
        assert_eq!(kind, Some(Kind::Interrupted), "{error:?}");
    }
}

#[test]
fn where_no_answer_came_the_callers_status_is_that_of_the_kind() {
    let errors = [
        connect(FailureKind::Dns),
        connect(FailureKind::Connect),
        connect(FailureKind::Tls),
        connect(FailureKind::Timeout),
        silent(),
        interrupted(),
        StreamFault::Truncated.into(),
        StreamFault::BadJson.into(),
        CallError::NotAStream,
        refused(400),
        refused(502),
    ];
    for error in errors {
        let kind = error.kind(Progress::BeforeAnswer).unwrap();
        let status = error.code().http_status();
        assert_eq!(kind.default_status(), status, "{error:?}");
    }
}
