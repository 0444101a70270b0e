//! Two builds that are not of one version: what each is, and a call that the daemon does not know.

use std::fmt;
use std::task::{Context, Poll};

use owlcoda_types::{ErrorCode, clip};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::transport::{Channel, Error};
use tonic::{Code, Status};

use crate::status::to_status;
use crate::v1::GetVersionResponse;
use crate::{MIN_PROTOCOL, PROTOCOL};

/// Longest version that is shown, in characters: it is the daemon's text.
const MAX_VERSION_CHARS: usize = 40;

/// Where an answer without a message says how the call went, and where a status of ours says more.
const GRPC_STATUS: &str = "grpc-status";
const DETAILS: &str = "grpc-status-details-bin";

/// Which build the daemon is of, beside ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skew {
    version: String,
    protocol: u32,
    min_client_protocol: u32,
}

impl Skew {
    /// Between this program and the daemon that has said this of itself.
    pub fn with(daemon: &GetVersionResponse) -> Self {
        Self {
            version: clip(&daemon.version, MAX_VERSION_CHARS).into_owned(),
            protocol: daemon.protocol,
            min_client_protocol: daemon.min_client_protocol,
        }
    }

    /// Whether the daemon is of a level that this build no longer talks to.
    pub(crate) const fn is_daemon_too_old(&self) -> bool {
        self.protocol < MIN_PROTOCOL
    }

    /// Whether the daemon no longer talks to this build.
    pub(crate) const fn is_client_too_old(&self) -> bool {
        self.min_client_protocol > PROTOCOL
    }

    /// Whether a daemon of this build would know more.
    pub const fn is_daemon_older(&self) -> bool {
        self.protocol < PROTOCOL
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version, protocol, ..
        } = self;
        let ours = env!("CARGO_PKG_VERSION");
        write!(
            f,
            "the running daemon is {version} (protocol {protocol}), this program is {ours} (protocol {PROTOCOL})"
        )
    }
}

/// The channel to a daemon that has said what it is. A call that it does not know is answered as that,
/// and not with the bare status of gRPC.
#[derive(Clone, Debug)]
pub struct Wire {
    channel: Channel,
    skew: Skew,
}

impl Wire {
    pub(crate) const fn new(channel: Channel, skew: Skew) -> Self {
        Self { channel, skew }
    }
}

impl Service<http::Request<Body>> for Wire {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.channel.call(request);
        let skew = self.skew.clone();
        Box::pin(async move {
            let answer = answer.await?;
            Ok(if is_unknown_call(answer.headers()) {
                unknown_call(&skew).into_http()
            } else {
                answer
            })
        })
    }
}

/// Whether nobody took the call. A service of ours that does not do something says why.
fn is_unknown_call(headers: &http::HeaderMap) -> bool {
    let code = headers.get(GRPC_STATUS);
    code.is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::Unimplemented)
        && !headers.contains_key(DETAILS)
}

fn unknown_call(skew: &Skew) -> Status {
    to_status(
        ErrorCode::Unsupported,
        format!("{skew}: the daemon does not know this call"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skew(protocol: u32, min_client_protocol: u32) -> Skew {
        Skew::with(&GetVersionResponse {
            version: "0.0.9".to_owned(),
            protocol,
            min_client_protocol,
        })
    }

    #[test]
    fn one_level_older_or_newer_is_talked_to_and_what_one_side_has_given_up_is_not() {
        for (protocol, min_client, expected) in [
            (PROTOCOL, MIN_PROTOCOL, (false, false)),
            (PROTOCOL - 1, 0, (false, false)),
            (PROTOCOL + 1, PROTOCOL, (false, false)),
            (PROTOCOL + 9, PROTOCOL, (false, false)),
            (MIN_PROTOCOL - 1, 0, (true, false)),
            (PROTOCOL + 2, PROTOCOL + 1, (false, true)),
        ] {
            let skew = skew(protocol, min_client);
            let found = (skew.is_daemon_too_old(), skew.is_client_too_old());
            assert_eq!(found, expected, "{skew}");
        }
    }

    #[test]
    fn a_refusal_of_the_daemon_is_no_unknown_call() {
        let bare = Status::unimplemented("").into_http::<Body>();
        assert!(is_unknown_call(bare.headers()));
        for status in [
            to_status(ErrorCode::Unsupported, "not on this machine"),
            Status::unavailable("gone"),
        ] {
            assert!(!is_unknown_call(status.into_http::<Body>().headers()));
        }
        assert!(!is_unknown_call(&http::HeaderMap::new()));
    }

    #[test]
    fn both_builds_are_named() {
        let text = unknown_call(&skew(1, 1)).message().to_owned();
        let ours = env!("CARGO_PKG_VERSION");
        assert_eq!(
            text,
            format!(
                "the running daemon is 0.0.9 (protocol 1), this program is {ours} (protocol \
                 {PROTOCOL}): the daemon does not know this call"
            )
        );
    }
}
