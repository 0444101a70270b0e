//! Who may send a request at all: looked at before its body is read and before any handler runs.
//!
//! ```text
//! target, Host ──► Origin, Sec-Fetch-Site ──► token ──► owner of the connection ──► handler
//!      400, 403               403               │ 401                 403
//!                                               └─ valid: enough for every class
//! ```
//!
//! Wrong tokens past a few at once are a 429 in place of the 401 or 403.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use owlcoda_config::{AuthConfig, AuthMode};
use owlcoda_pipeline::Client;
use owlcoda_telemetry::{crash, metric};
use owlcoda_types::ErrorCode;
use tracing::debug;

use super::guesses::Guesses;
use super::tokens::Tokens;
use super::{Admitted, Peer, Token, TokenError, dialect_of};
use crate::endpoints::{Class, class_of};
use crate::{Gateway, reply};

/// Where Anthropic's clients put their key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What of the door stays the same under every configuration.
#[derive(Clone, Debug)]
pub struct Admission {
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Kept {
    tokens: Tokens,
    guesses: Guesses,
}

/// Why a request is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("the request has no `Host` header")]
    NoHost,
    #[error("the request has more than one `Host` header")]
    TwoHosts,
    #[error("the `Host` header is not a name or an address with a port")]
    BadHost,
    #[error("the request's target names another host than its `Host` header")]
    TargetDisagrees,
    #[error(
        "the request is for `{given}`, and the daemon does not go by that name; call it at \
         http://127.0.0.1:{port}, or add the name to `server.allowedHosts`"
    )]
    ForeignHost { given: String, port: u16 },
    #[error("the origin `{given}` may not call; `server.allowedOrigins` says which may")]
    ForeignOrigin { given: String },
    #[error(
        "a browser says that a page of another site sent this, and names no origin in \
         `server.allowedOrigins`"
    )]
    OtherSite,
    #[error(
        "the token is missing or wrong; it is in `auth/token` of the data directory: send it as \
         `Authorization: Bearer TOKEN` or `x-api-key: TOKEN`"
    )]
    NoToken,
    #[error(
        "the connection is not known to belong to the user who runs the daemon; send the token in \
         `auth/token` of its data directory as `Authorization: Bearer TOKEN` or `x-api-key: TOKEN`"
    )]
    OtherUser,
    #[error(
        "too many wrong tokens came from this address; wait {} s, and send the one in `auth/token` \
         of the data directory", reply::whole_secs(*wait)
    )]
    TooManyGuesses { wait: Duration },
    #[error(
        "`transfer-encoding` may be `chunked` and nothing else; send a `content-length` instead"
    )]
    BadFraming,
}

impl Denied {
    const fn code(&self) -> ErrorCode {
        match self {
            Self::NoHost
            | Self::TwoHosts
            | Self::BadHost
            | Self::TargetDisagrees
            | Self::BadFraming => ErrorCode::InvalidRequest,
            Self::TooManyGuesses { .. } => ErrorCode::RateLimited,
            Self::NoToken => ErrorCode::Unauthenticated,
            Self::ForeignHost { .. }
            | Self::ForeignOrigin { .. }
            | Self::OtherSite
            | Self::OtherUser => ErrorCode::Forbidden,
        }
    }

    /// As a label of the metric.
    const fn reason(&self) -> &'static str {
        match self {
            Self::NoHost | Self::TwoHosts | Self::BadHost | Self::TargetDisagrees => {
                "malformed_host"
            }
            Self::ForeignHost { .. } => "host",
            Self::ForeignOrigin { .. } => "origin",
            Self::OtherSite => "fetch_site",
            Self::NoToken => "token",
            Self::OtherUser => "peer",
            Self::TooManyGuesses { .. } => "token_guesses",
            Self::BadFraming => "framing",
        }
    }
}

/// What is still to be done for a request whose source is in order.
enum Proof {
    Enough(Client),
    Lacking,
    /// Whether the connection is our user's.
    OfPeer,
}

impl Admission {
    /// Nobody has guessed yet.
    pub fn new(token: Token) -> Self {
        crash::hide([token.clone().into_secret()]);
        Self {
            kept: Arc::new(Kept {
                tokens: Tokens::new(token),
                guesses: Guesses::default(),
            }),
        }
    }

    /// The token in force.
    pub fn token(&self) -> Token {
        self.kept.tokens.current()
    }

    /// Makes a new token for `home`; the one before it opens for `grace` longer. Writes to the disk.
    ///
    /// # Errors
    /// Where it cannot be kept; then the one before it stays in force.
    pub fn rotate(&self, home: &Path, grace: Duration) -> Result<Token, TokenError> {
        let token = Token::replace(home)?;
        crash::hide([token.clone().into_secret()]);
        let tokens = &self.kept.tokens;
        tokens.replace(token.clone(), grace, Instant::now());
        Ok(token)
    }

    fn proof(&self, auth: AuthConfig, class: Class, headers: &HeaderMap) -> Proof {
        let mode = match class {
            Class::Open => return Proof::Enough(Client::Unknown),
            Class::Inference => auth.inference,
            Class::Data => auth.data,
        };
        match mode {
            AuthMode::None => Proof::Enough(Client::Unknown),
            _ if has_token(headers, &self.kept.tokens) => Proof::Enough(Client::Token),
            AuthMode::SameUid => Proof::OfPeer,
            AuthMode::Token => Proof::Lacking,
        }
    }

    /// Counts what a refused request shows as its token, if anything.
    fn count_guess(&self, denied: Denied, headers: &HeaderMap, peer: Option<&Peer>) -> Denied {
        let (true, Some(peer)) = (keys(headers).next().is_some(), peer) else {
            return denied;
        };
        let counted = self.kept.guesses.wrong(peer.address(), Instant::now());
        counted.map_or_else(|wait| Denied::TooManyGuesses { wait }, |()| denied)
    }
}

/// Lets a request in, or answers it.
pub(crate) async fn admit(
    State(gateway): State<Gateway>,
    mut request: Request,
    next: Next,
) -> Response {
    let (headers, extensions) = (request.headers(), request.extensions());
    let settings = gateway.settings.current();
    let checked = match settings.source.check(request.uri(), headers) {
        Ok(()) => {
            let path = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
            let class = class_of(request.method(), path);
            let peer = extensions.get::<Peer>().cloned();
            let client = match gateway.admission.proof(settings.auth, class, headers) {
                Proof::Enough(client) => Ok(client),
                Proof::Lacking => Err(Denied::NoToken),
                Proof::OfPeer => match &peer {
                    Some(peer) => peer.our_user().await.ok_or(Denied::OtherUser),
                    None => Err(Denied::OtherUser),
                },
            };
            client.map_err(|denied| {
                gateway
                    .admission
                    .count_guess(denied, headers, peer.as_ref())
            })
        }
        Err(denied) => Err(denied),
    };
    drop(settings);
    match checked {
        Ok(client) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(denied) => refuse(&request, &denied),
    }
}

fn refuse(request: &Request, denied: &Denied) -> Response {
    let id = match request.extensions().get::<Admitted>() {
        Some(admitted) => admitted.id,
        None => owlcoda_types::RequestId::generate(),
    };
    let reason = denied.reason();
    metric::HTTP_REJECTED.add([reason], 1);
    debug!(request.id = %id, reason, "did not let a request in");
    let dialect = dialect_of(request.uri().path(), request.headers());
    let mut response = reply::error(dialect, denied.code(), &denied.to_string(), id);
    if denied.code() == ErrorCode::Unauthenticated {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    if matches!(denied, Denied::BadFraming) {
        // Where the next request would begin is anybody's guess.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    if let Denied::TooManyGuesses { wait } = denied {
        let wait = HeaderValue::from(reply::whole_secs(*wait));
        response.headers_mut().insert(RETRY_AFTER, wait);
    }
    response
}

/// Whether any of the places for a key holds the token. What else stands there is no harm: SDKs
/// must send something.
fn has_token(headers: &HeaderMap, tokens: &Tokens) -> bool {
    keys(headers).any(|given| tokens.open_to(given, Instant::now))
}

/// What stands in the places for a key.
fn keys(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let bearers = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
    let keys = headers.get_all(X_API_KEY).iter().map(HeaderValue::as_bytes);
    bearers.chain(keys)
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = value.as_bytes().split_at_checked("bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_token_counts_wherever_a_client_puts_its_key_and_nowhere_else() {
        let tokens = Tokens::new(Token::of("t0ken"));
        let cases: [(&[(&'static str, &'static str)], bool); 13] = [
            (&[("authorization", "Bearer t0ken")], true),
            (&[("authorization", "bearer  t0ken ")], true),
            (&[("x-api-key", "t0ken")], true),
            (
                &[("authorization", "Bearer sk-1"), ("x-api-key", "t0ken")],
                true,
            ),
            (
                &[("authorization", "Bearer t0ken"), ("x-api-key", "sk-1")],
                true,
            ),
            (&[], false),
            (&[("authorization", "t0ken")], false),
            (&[("authorization", "Basic t0ken")], false),
            (&[("authorization", "Bearert0ken")], false),
            (&[("authorization", "Bearer")], false),
            (&[("authorization", "Bearer t0ke")], false),
            (&[("x-api-key", "Bearer t0ken")], false),
            (&[("cookie", "t0ken"), ("api-key", "t0ken")], false),
        ];
        for (given, expected) in cases {
            assert_eq!(has_token(&headers(given), &tokens), expected, "{given:?}");
        }
    }
}
