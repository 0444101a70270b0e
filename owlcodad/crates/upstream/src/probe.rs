//! The cheapest question to a model server: whether it is there.

use std::time::Duration;

use owlcoda_types::Server;
use tokio::time::timeout;

use crate::client::Upstream;
use crate::discovery::Place;
use crate::error::UpstreamError;

/// How long an answer may take. A server that computes answers such questions beside.
const LIMIT: Duration = Duration::from_secs(2);

/// A question to one server.
#[derive(Clone, Debug)]
pub struct Probe {
    place: Place,
    address: String,
}

impl Probe {
    /// What a `server` is asked that is at `place`: a route that computes nothing, else its list of
    /// models.
    pub fn of(place: Place, server: Server) -> Self {
        let address = match server {
            Server::Ollama => place.route("/api/version"),
            Server::Vllm | Server::Sglang | Server::LlamaCpp => place.route("/health"),
            _ => place.url.models(),
        };
        Self { place, address }
    }

    /// Whether the server at `place` answers at `path`.
    pub fn at(place: Place, path: &str) -> Self {
        let address = place.route(path);
        Self { place, address }
    }
}

impl Upstream {
    /// The status that the server answers with, within 2 s. The body is left unread.
    pub async fn probe(&self, probe: &Probe) -> Result<u16, UpstreamError> {
        let endpoint = probe.place.url.id();
        let request = self.pool(&probe.place.url).get(&probe.address);
        let sent = request.headers(probe.place.headers.clone()).send();
        match timeout(LIMIT, sent).await {
            Ok(Ok(response)) => Ok(response.status().as_u16()),
            Ok(Err(error)) => Err(UpstreamError::from_transport(&endpoint, &error)),
            Err(_) => Err(UpstreamError::FirstToken {
                endpoint,
                limit: LIMIT,
            }),
        }
    }
}
