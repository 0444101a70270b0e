//! `owlcoda.v1.Access`: the token of the HTTP API, and the clients that watch.

use std::time::Duration;

use owlcoda_proto::v1::access_server::Access;
use owlcoda_proto::{to_status, v1};
use owlcoda_supervise::HttpToken;
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};
use tracing::info;

use crate::Control;
use crate::observe::observed;
use crate::peer::Peer;

/// Longest life of a token that was replaced.
const MAX_GRACE: Duration = Duration::from_hours(24);

#[tonic::async_trait]
impl Access for Control {
    async fn show_token(
        &self,
        _: Request<v1::ShowTokenRequest>,
    ) -> Result<Response<v1::Token>, Status> {
        observed("Access/ShowToken", async { Ok(token(&self.host.token())) }).await
    }

    async fn rotate_token(
        &self,
        request: Request<v1::RotateTokenRequest>,
    ) -> Result<Response<v1::Token>, Status> {
        let peer = Peer::of(&request);
        let grace = Duration::from_millis(request.into_inner().grace_ms);
        observed("Access/RotateToken", async {
            if grace > MAX_GRACE {
                let words = "the token before may open for a day at most";
                return Err(to_status(ErrorCode::InvalidRequest, words));
            }
            let host = self.host.clone();
            let rotated = tokio::task::spawn_blocking(move || host.rotate_token(grace)).await;
            let rotated =
                rotated.map_err(|error| to_status(ErrorCode::Internal, error.to_string()))?;
            let rotated = rotated.map_err(|words| to_status(ErrorCode::Internal, words))?;
            info!(?peer, "the token of the HTTP API was replaced");
            Ok(token(&rotated))
        })
        .await
    }

    async fn list_clients(
        &self,
        _: Request<v1::ListClientsRequest>,
    ) -> Result<Response<v1::ListClientsResponse>, Status> {
        observed("Access/ListClients", async {
            let all = self.watching.all().into_iter();
            let clients = all.map(|(id, watcher)| v1::WatchingClient {
                id,
                session_id: watcher.session.to_string(),
                uid: watcher.peer.map(|peer| peer.uid),
                pid: watcher.peer.and_then(|peer| peer.pid),
                attached_at_ms: watcher.attached_at_ms,
            });
            Ok(v1::ListClientsResponse {
                clients: clients.collect(),
            })
        })
        .await
    }

    async fn detach_client(
        &self,
        request: Request<v1::DetachClientRequest>,
    ) -> Result<Response<v1::DetachClientResponse>, Status> {
        let peer = Peer::of(&request);
        let id = request.into_inner().id;
        observed("Access/DetachClient", async {
            if !self.watching.detach(id) {
                let words = format!("no client {id} watches a conversation");
                return Err(to_status(ErrorCode::NotFound, words));
            }
            info!(client = id, ?peer, "a client was detached");
            Ok(v1::DetachClientResponse {})
        })
        .await
    }
}

fn token(token: &HttpToken) -> v1::Token {
    v1::Token {
        token: token.token.expose().to_owned(),
        path: token.path.display().to_string(),
    }
}
