//! What every control call passes: the caller's tier, and a deadline where the caller has set none.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use owlcoda_proto::{MAX_MESSAGE_BYTES, to_status};
use owlcoda_telemetry::metric;
use owlcoda_types::ErrorCode;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::warn;

use crate::access::{self, Tier};
use crate::peer::Peer;

/// How long a call may take until its answer begins, where the caller does not say.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where a caller says it, by the protocol of gRPC.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Where an answer without a body says how the call went.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Puts the gate before a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate;

/// A service behind the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gated<S> {
    inner: S,
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        if let Err(refusal) = check(&request) {
            count("refused", refusal.code());
            return Box::pin(std::future::ready(Ok(refusal.into_http())));
        }
        let has_deadline = request.headers().contains_key(GRPC_TIMEOUT);
        let path = request.uri().path();
        let (label, other) = (access::label_of(path), access::label_of_other(path));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = if has_deadline {
                answer.await
            } else {
                timeout(DEADLINE, answer).await.unwrap_or_else(|_| {
                    if other.is_none() {
                        count(label, Code::DeadlineExceeded);
                    }
                    let message = format!("no answer within {} s", DEADLINE.as_secs());
                    Ok(to_status(ErrorCode::Timeout, message).into_http())
                })
            };
            if let (Some(label), Ok(answer)) = (other, &answer) {
                count(label, code_of(answer));
            }
            answer.map(told_too_large)
        })
    }
}

/// Counts a call that none of our services counts.
fn count(method: &str, code: Code) {
    metric::GRPC_REQUESTS.add([method, &format!("{code:?}")], 1);
}

/// How the call of an answer went, as far as its head says it.
fn code_of(answer: &Response<Body>) -> Code {
    let code = answer.headers().get(GRPC_STATUS);
    code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

/// Whether the caller may make this call. One of whom nothing is known may not.
fn check(request: &Request<Body>) -> Result<(), Status> {
    let path = request.uri().path();
    let Some(peer) = request.extensions().get::<Peer>() else {
        return Err(to_status(ErrorCode::Forbidden, "the caller is not known"));
    };
    access::check(peer.tier, path).inspect_err(|_| {
        let call = crate::peer::shown_call(path);
        warn!(
            uid = peer.uid,
            call, "refused a control call that takes more rights"
        );
        debug_assert!(peer.tier < Tier::Admin);
    })
}

/// tonic calls a message past the limit out of range; it is the limit that is exhausted.
fn told_too_large(mut answer: Response<Body>) -> Response<Body> {
    let out_of_range = HeaderValue::from(i32::from(Code::OutOfRange));
    if answer.headers().get(GRPC_STATUS) == Some(&out_of_range) {
        let message = format!("the message is larger than {} MiB", MAX_MESSAGE_BYTES >> 20);
        let (mut parts, body) = to_status(ErrorCode::TooLarge, message)
            .into_http::<Body>()
            .into_parts();
        std::mem::swap(&mut parts.headers, answer.headers_mut());
        drop(body);
    }
    answer
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    const STATUS: &str = "/owlcoda.v1.Daemon/Status";
    const RELOAD: &str = "/owlcoda.v1.Daemon/Reload";

    fn request(path: &str, tier: Option<Tier>) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        if let Some(tier) = tier {
            request.extensions_mut().insert(Peer {
                uid: 7,
                pid: None,
                tier,
            });
        }
        request
    }

    async fn ask(request: Request<Body>) -> Code {
        let answering = service_fn(|_| async { Ok(Response::new(Body::empty())) });
        let answer = Gate.layer(answering).call(request).await;
        code_of(&answer.unwrap())
    }

    #[tokio::test]
    async fn a_call_takes_the_tier_that_it_needs_and_strangers_have_none() {
        for (path, tier, expected) in [
            (STATUS, Some(Tier::Observer), Code::Ok),
            (RELOAD, Some(Tier::Observer), Code::PermissionDenied),
            (RELOAD, Some(Tier::Admin), Code::Ok),
            (STATUS, None, Code::PermissionDenied),
        ] {
            assert_eq!(ask(request(path, tier)).await, expected, "{path} {tier:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_deadline_gets_one_and_a_call_with_one_keeps_its_own() {
        let slow = || {
            service_fn(|_| async {
                tokio::time::sleep(DEADLINE * 2).await;
                Ok(Response::new(Body::empty()))
            })
        };
        let answer = Gate.layer(slow()).call(request(STATUS, Some(Tier::Admin)));
        assert_eq!(code_of(&answer.await.unwrap()), Code::DeadlineExceeded);
        let mut patient = request(STATUS, Some(Tier::Admin));
        let five_minutes = HeaderValue::from_static("5M");
        patient.headers_mut().insert(GRPC_TIMEOUT, five_minutes);
        let answer = Gate.layer(slow()).call(patient).await;
        assert_eq!(code_of(&answer.unwrap()), Code::Ok);
    }

    #[tokio::test]
    async fn a_message_past_the_limit_is_told_as_that() {
        let strict = service_fn(|_| async {
            Ok(Status::out_of_range("decoded message length too large").into_http())
        });
        let answer = Gate.layer(strict).call(request(STATUS, Some(Tier::Admin)));
        let answer = answer.await.unwrap();
        assert_eq!(code_of(&answer), Code::ResourceExhausted);
    }
}
