//! Sends one call and takes its answer in, whole or as a stream.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use owlcoda_config::EndpointUrl;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::destination::{Destination, Limits};
use crate::discovery::Place;
use crate::error::UpstreamError;
use crate::frames::Frames;
use crate::head;

/// Most bytes of one answer that is not a stream.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Most bytes of what a server says of its models: some thousands of them, in the wordiest of ways.
const MAX_LIST_BYTES: usize = 4 << 20;

/// Most bytes of an error body that we look at.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// How long an error body may take: its status has said the most of it.
const ERROR_BODY: Duration = Duration::from_secs(5);

/// The pools of connections to model servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// For this machine: never through a proxy, whatever the environment says.
    local: reqwest::Client,
    /// For everywhere else: obeys `HTTPS_PROXY` and its kin.
    remote: reqwest::Client,
}

/// An answer whose head has come.
#[derive(Debug)]
pub struct Reply {
    /// Status of the head.
    pub status: StatusCode,
    /// How long the server asks to wait, if it does.
    pub retry_after: Option<Duration>,
    /// The model server's name of the call, where it gives one that can be shown.
    pub request_id: Option<String>,
    /// The rest of it.
    pub body: Body,
}

/// The rest of an answer. Dropping it closes the connection to the model server.
#[derive(Debug)]
pub struct Body {
    pub(crate) endpoint: std::sync::Arc<str>,
    pub(crate) response: reqwest::Response,
    pub(crate) limits: Limits,
    /// When the first event must have come.
    pub(crate) first_deadline: Instant,
}

impl Upstream {
    /// Makes the pools. `connect` is the most time that a connection may take, TLS included.
    ///
    /// A system without certificate authorities, as small containers are, costs the trust in `https`
    /// servers and nothing else.
    pub fn try_new(connect: Duration) -> Result<Self, UpstreamError> {
        // An error means that the process has chosen its provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .connect_timeout(connect)
                .tcp_nodelay(true)
                .pool_idle_timeout(Duration::from_mins(1))
                // A redirect would carry prompts and keys to a place nobody configured.
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("owlcodad/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| UpstreamError::from_transport("http client", &error))
        };
        let without_roots = || reqwest::Client::builder().tls_certs_only([]);
        let remote = match build(reqwest::Client::builder()) {
            Ok(remote) => remote,
            Err(error) => {
                warn!(
                    %error,
                    "this machine has no certificate authorities, so no https model server can be \
                     trusted; install them (Debian: apt install ca-certificates)"
                );
                build(without_roots())?
            }
        };
        // The client sends again what a server of HTTP/2 has turned away unread, and copies each
        // request for that. Local servers speak HTTP/1.1, and the pipeline tries again anyway.
        let local = without_roots().no_proxy().retry(reqwest::retry::never());
        Ok(Self {
            local: build(local)?,
            remote,
        })
    }

    /// Posts a JSON body and waits for the head of the answer.
    pub async fn post(
        &self,
        destination: &Destination,
        body: Bytes,
    ) -> Result<Reply, UpstreamError> {
        self.post_with(destination, [], body).await
    }

    /// As [`Upstream::post`], with headers of the caller that win over the destination's. What
    /// cannot be said in a header is left out.
    pub async fn post_with<'a>(
        &self,
        destination: &Destination,
        forwarded: impl IntoIterator<Item = &'a (&'static str, String)>,
        body: Bytes,
    ) -> Result<Reply, UpstreamError> {
        let limits = destination.limits;
        let first_deadline = Instant::now() + limits.first_token;
        let pool = if destination.is_local {
            &self.local
        } else {
            &self.remote
        };
        let mut headers = destination.headers.clone();
        for (name, value) in forwarded {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let request = pool
            .post(destination.url.clone())
            .headers(headers)
            .body(body);
        let response = match timeout_at(first_deadline, request.send()).await {
            Ok(sent) => {
                sent.map_err(|error| UpstreamError::from_transport(&destination.endpoint, &error))?
            }
            Err(_) => {
                return Err(UpstreamError::FirstToken {
                    endpoint: destination.endpoint.to_string(),
                    limit: limits.first_token,
                });
            }
        };
        Ok(Reply {
            status: response.status(),
            retry_after: head::retry_after(response.headers()),
            request_id: head::request_id(response.headers(), &destination.headers),
            body: Body {
                endpoint: destination.endpoint.clone(),
                response,
                limits,
                first_deadline,
            },
        })
    }

    /// What the server of `place` answers at `address`, where that is a success. The deadline is for
    /// the whole of it.
    pub(crate) async fn look(
        &self,
        place: &Place,
        address: &str,
        deadline: Instant,
    ) -> Option<Bytes> {
        let request = self.pool(&place.url).get(address);
        listen(request.headers(place.headers.clone()), deadline).await
    }

    /// As [`Upstream::look`], for an address that wants a question.
    pub(crate) async fn ask(
        &self,
        place: &Place,
        address: &str,
        question: &serde_json::Value,
        deadline: Instant,
    ) -> Option<Bytes> {
        let request = self.pool(&place.url).post(address);
        let request = request
            .headers(place.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(question.to_string());
        listen(request, deadline).await
    }

    /// The status and, where it is not too long, the body of `list` at the server of `url`.
    pub(crate) async fn get_list(
        &self,
        list: &str,
        url: &EndpointUrl,
        headers: http::HeaderMap,
    ) -> Result<(u16, Option<Bytes>), UpstreamError> {
        let endpoint = url.id();
        let request = self.pool(url).get(list).headers(headers).send();
        let response = request
            .await
            .map_err(|error| UpstreamError::from_transport(&endpoint, &error))?;
        let status = response.status().as_u16();
        match read_capped(response, MAX_LIST_BYTES).await {
            Ok(body) => Ok((status, Some(body))),
            Err(ReadError::TooLarge) => Ok((status, None)),
            Err(ReadError::Transport(error)) => {
                Err(UpstreamError::from_transport(&endpoint, &error))
            }
        }
    }

    /// Whether `path` of the server at `url` answers with a 2xx within `limit`.
    pub(crate) async fn is_ready(&self, url: &EndpointUrl, path: &str, limit: Duration) -> bool {
        let get = self.pool(url).get(format!("{}{path}", url.root())).send();
        let answer = tokio::time::timeout(limit, get).await;
        matches!(answer, Ok(Ok(response)) if response.status().is_success())
    }

    pub(crate) fn pool(&self, url: &EndpointUrl) -> &reqwest::Client {
        if url.is_loopback() {
            &self.local
        } else {
            &self.remote
        }
    }
}

impl Reply {
    /// The fields of its head.
    pub fn head(&self) -> Vec<(String, String)> {
        head::shown(self.body.response.headers())
    }
}

impl Body {
    /// Whether the answer is a stream of server-sent events.
    pub fn is_event_stream(&self) -> bool {
        let kind = self.response.headers().get(CONTENT_TYPE);
        kind.and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().starts_with("text/event-stream"))
    }

    /// The whole answer.
    pub async fn whole(self) -> Result<Bytes, UpstreamError> {
        self.capped(MAX_ANSWER_BYTES).await
    }

    /// As much of an error body as tells what is wrong; empty where it cannot be read.
    pub async fn error_text(mut self) -> Bytes {
        self.first_deadline = self.first_deadline.min(Instant::now() + ERROR_BODY);
        self.capped(MAX_ERROR_BYTES).await.unwrap_or_default()
    }

    /// The answer as a stream of frames.
    pub fn frames(self) -> Frames {
        Frames::new(self)
    }

    async fn capped(self, max_bytes: usize) -> Result<Bytes, UpstreamError> {
        let endpoint = self.endpoint.to_string();
        let limit = self.limits.first_token;
        match timeout_at(self.first_deadline, read_capped(self.response, max_bytes)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(ReadError::TooLarge)) => Err(UpstreamError::TooLarge {
                endpoint,
                limit_bytes: max_bytes,
            }),
            Ok(Err(ReadError::Transport(error))) => {
                Err(UpstreamError::from_transport(&endpoint, &error))
            }
            Err(_) => Err(UpstreamError::FirstToken { endpoint, limit }),
        }
    }
}

/// The answer to a small question about a server, if it is a success and comes in time.
async fn listen(request: reqwest::RequestBuilder, deadline: Instant) -> Option<Bytes> {
    let answer = async {
        let response = request.send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        read_capped(response, MAX_LIST_BYTES).await.ok()
    };
    timeout_at(deadline, answer).await.ok().flatten()
}

enum ReadError {
    TooLarge,
    Transport(reqwest::Error),
}

async fn read_capped(
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Bytes, ReadError> {
    let first = response
        .chunk()
        .await
        .map_err(ReadError::Transport)?
        .unwrap_or_default();
    let mut second = response.chunk().await.map_err(ReadError::Transport)?;
    if second.is_none() {
        // Most answers come in one piece, which then needs no copy.
        return if first.len() > max_bytes {
            Err(ReadError::TooLarge)
        } else {
            Ok(first)
        };
    }
    let mut all = BytesMut::from(&first[..]);
    while let Some(chunk) = second {
        if all.len() + chunk.len() > max_bytes {
            return Err(ReadError::TooLarge);
        }
        all.extend_from_slice(&chunk);
        second = response.chunk().await.map_err(ReadError::Transport)?;
    }
    Ok(all.freeze())
}
