//! A daemon of another version than ours: calls that it does not know, answers with less in them than
//! ours have, and with more.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use http_body_util::{BodyExt as _, Full};
use owlcoda_proto::v1::GetVersionResponse;
use prost::Message;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, Service, http};

/// The call that every version knows.
const GET_VERSION: &str = "/owlcoda.v1.Daemon/GetVersion";

/// Two fields that no message of ours has, as bytes of the protocol: number 1000 with the integer 7, and
/// number 1001 with the text "new".
const LATER_FIELDS: &[u8] = b"\xc0\x3e\x07\xca\x3e\x03new";

/// What such a daemon says.
#[derive(Clone, Debug, Default)]
pub struct Version {
    /// Its protocol level.
    pub protocol: u32,
    /// Oldest level of a client that it takes.
    pub min_client_protocol: u32,
    /// The messages that each call is answered with, by path, as bytes.
    pub answers: BTreeMap<String, Vec<Vec<u8>>>,
    /// The one for every other call; none where it knows no other.
    pub otherwise: Option<Vec<u8>>,
}

impl Version {
    /// Answers the call at `path`, as `Daemon/Status`, with `message`.
    #[must_use]
    pub fn knowing(self, path: &str, message: Vec<u8>) -> Self {
        self.streaming(path, vec![message])
    }

    /// Answers the call at `path` with `messages` and the end.
    #[must_use]
    pub fn streaming(mut self, path: &str, messages: Vec<Vec<u8>>) -> Self {
        let path = match path.strip_prefix("grpc.") {
            Some(_) => format!("/{path}"),
            None => format!("/owlcoda.v1.{path}"),
        };
        self.answers.insert(path, messages);
        self
    }
}

/// `message` as a later version would send it: with fields that ours does not have.
pub fn later(message: &impl Message) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    bytes.extend_from_slice(LATER_FIELDS);
    bytes
}

/// `message` as it is.
pub fn sent(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

#[derive(Clone, Debug)]
struct Answering(Arc<Version>);

impl Service<http::Request<Body>> for Answering {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let version = &self.0;
        let path = request.uri().path();
        let messages = if path == GET_VERSION {
            let said = GetVersionResponse {
                version: "9.8.7".to_owned(),
                protocol: version.protocol,
                min_client_protocol: version.min_client_protocol,
            };
            Some(vec![later(&said)])
        } else {
            let otherwise = || version.otherwise.clone().map(|message| vec![message]);
            version.answers.get(path).cloned().or_else(otherwise)
        };
        ready(Ok(match messages {
            Some(messages) => answer(&messages),
            // What tonic says where no service takes a call.
            None => Status::unimplemented("").into_http(),
        }))
    }
}

/// Messages and a good end; one is an answer to a call and to a stream alike.
fn answer(messages: &[Vec<u8>]) -> http::Response<Body> {
    let mut frames = Vec::new();
    for message in messages {
        let n_bytes = u32::try_from(message.len()).expect("a message of a test is small");
        frames.push(0);
        frames.extend_from_slice(&n_bytes.to_be_bytes());
        frames.extend_from_slice(message);
    }
    let well = async {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        Some(Ok(trailers))
    };
    let body = Full::new(Bytes::from(frames)).with_trailers(well);
    let mut response = http::Response::new(Body::new(body));
    let grpc = http::HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

/// The daemon, until dropped.
#[derive(Debug)]
pub struct Skewed {
    home: TempDir,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Skewed {
    /// Starts it; connections are accepted when this returns.
    pub fn with(version: Version) -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(home.path().join("s")).unwrap()
        };
        let (stop, stopped) = oneshot::channel();
        let serving = tonic::transport::Server::builder().serve_with_incoming(
            Answering(Arc::new(version)),
            UnixListenerStream::new(listener),
        );
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = serving => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self {
            home,
            server: Some((stop, thread)),
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }
}

impl Drop for Skewed {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            drop(stop);
            thread.join().ok();
        }
    }
}
