//! What a failed attempt means: who is at fault, and who may be asked next.
//!
//! ```text
//!                 breaker   same server again   another model
//! Connect         counts    if no other         yes
//! Interrupted     counts    yes                 yes
//! Server          counts    yes                 yes
//! BadAnswer       counts    yes                 yes
//! Timeout         counts    no: it had its time yes
//! RateLimited     -         yes                 yes
//! Refused         -         no                  no
//! Unfit           -         no                  yes
//! ```

use std::time::Duration;

use owlcoda_types::ErrorCode;

/// What went wrong in one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection was made. What is not there now is not there in 100 ms, so another server
    /// comes first.
    Connect,
    /// The connection broke.
    Interrupted,
    /// The model server said that it failed, or has too much to do, or is still loading: a 5xx.
    Server,
    /// The answer made no sense.
    BadAnswer,
    /// Nothing came in time. The same server would take as long again.
    Timeout,
    /// The model server's own limit says: later. It is well, so this says nothing against it.
    RateLimited,
    /// The request was refused: by a fault of the caller's, or of the credentials that are
    /// configured. Another model's answer would hide it.
    Refused,
    /// This model cannot be asked such a thing. Only a stand-in fails so, and another may do better;
    /// of the model that was asked for it is [`FailureKind::Refused`]. A course takes what a stand-in
    /// refuses for this.
    Unfit,
}

impl FailureKind {
    /// What an error of this code means. A failed connection has the code of an interrupted one, so
    /// who knows it for that says [`FailureKind::Connect`].
    pub const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::UpstreamFailed | ErrorCode::Overloaded => Self::Server,
            ErrorCode::Unavailable => Self::Interrupted,
            ErrorCode::Timeout => Self::Timeout,
            ErrorCode::BadUpstream => Self::BadAnswer,
            // The rest is the caller's, ours or of the configuration; so is what is yet to come.
            _ => Self::Refused,
        }
    }

    /// Whether the breaker counts it: the model server failed, whoever asked it.
    pub const fn is_counted(self) -> bool {
        match self {
            Self::Connect | Self::Interrupted | Self::Server | Self::BadAnswer | Self::Timeout => {
                true
            }
            Self::RateLimited | Self::Refused | Self::Unfit => false,
        }
    }

    /// Whether the same request may succeed at the same server a little later.
    pub const fn is_worth_repeating(self) -> bool {
        match self {
            Self::Connect
            | Self::Interrupted
            | Self::Server
            | Self::BadAnswer
            | Self::RateLimited => true,
            Self::Timeout | Self::Refused | Self::Unfit => false,
        }
    }

    /// Whether another model may answer.
    pub const fn allows_fallback(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// One failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// `Retry-After` of the model server.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure whose server did not say when to come back.
    pub const fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_caused_is_refused_and_so_is_what_the_configuration_did() {
        use owlcoda_types::Fault;
        for code in ErrorCode::ALL {
            let kind = FailureKind::of(code);
            let is_ours_to_mend =
                matches!(code, ErrorCode::UpstreamAuth | ErrorCode::UpstreamForbidden);
            let is_refused = code.fault() != Fault::Upstream || is_ours_to_mend;
            assert_eq!(kind == FailureKind::Refused, is_refused, "{code}");
        }
    }

    #[test]
    fn a_refusal_is_final_and_says_nothing_against_the_server() {
        let kind = FailureKind::Refused;
        let answers = (
            kind.is_counted(),
            kind.is_worth_repeating(),
            kind.allows_fallback(),
        );
        assert_eq!(answers, (false, false, false));
    }

    #[test]
    fn a_limit_of_the_server_s_moves_on_without_counting_against_it() {
        let kind = FailureKind::of(ErrorCode::RateLimited);
        assert!(!kind.is_counted() && kind.allows_fallback());
    }
}
