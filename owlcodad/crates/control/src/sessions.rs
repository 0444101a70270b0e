//! `owlcoda.v1.Sessions`: conversations.

use owlcoda_agent::SessionInfo;
use owlcoda_proto::v1::sessions_server::Sessions;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::{ErrorCode, SessionId};
use tonic::{Request, Response, Status};
use tracing::info;

use crate::observe::observed;
use crate::peer::Peer;
use crate::{Control, convert};

/// Sessions of a list where the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

#[tonic::async_trait]
impl Sessions for Control {
    async fn create(
        &self,
        request: Request<v1::CreateSessionRequest>,
    ) -> Result<Response<v1::SessionInfo>, Status> {
        let v1::CreateSessionRequest { meta, model } = request.into_inner();
        let request_id = meta.map(|meta| meta.request_id).unwrap_or_default();
        let model = (!model.is_empty()).then_some(model);
        observed("Sessions/Create", async {
            let created = self.agent.create(model.as_deref(), &request_id).await;
            created
                .map(info)
                .map_err(|error| convert::agent_error(&error))
        })
        .await
    }

    async fn list(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let limit = match request.into_inner().limit {
            0 => DEFAULT_LIMIT,
            limit => limit,
        };
        observed("Sessions/List", async {
            let sessions = self.agent.list(limit as usize).await;
            let sessions = sessions.map_err(|error| convert::agent_error(&error))?;
            Ok(v1::ListSessionsResponse {
                sessions: sessions.into_iter().map(info).collect(),
            })
        })
        .await
    }

    async fn get(
        &self,
        request: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::SessionInfo>, Status> {
        let name = request.into_inner().session_id;
        observed("Sessions/Get", async {
            let found = if name == "last" {
                self.agent.last().await
            } else {
                self.agent.get(session_id(&name)?).await
            };
            found
                .map(info)
                .map_err(|error| convert::agent_error(&error))
        })
        .await
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteSessionRequest>,
    ) -> Result<Response<v1::DeleteSessionResponse>, Status> {
        let peer = Peer::of(&request);
        let name = request.into_inner().session_id;
        observed("Sessions/Delete", async {
            let session = session_id(&name)?;
            let removed = self.agent.remove(session).await;
            removed.map_err(|error| convert::agent_error(&error))?;
            info!(%session, ?peer, "a conversation was deleted");
            Ok(v1::DeleteSessionResponse {})
        })
        .await
    }
}

/// The id that a client wrote.
pub(crate) fn session_id(text: &str) -> Result<SessionId, Status> {
    text.parse()
        .map_err(|error: String| to_status(ErrorCode::InvalidRequest, error))
}

pub(crate) fn info(info: SessionInfo) -> v1::SessionInfo {
    let SessionInfo { meta, running_turn } = info;
    v1::SessionInfo {
        session_id: meta.id.to_string(),
        title: meta.title,
        model: meta.model,
        created_at_ms: meta.created_at_ms,
        updated_at_ms: meta.updated_at_ms,
        head_seq: meta.head_seq,
        n_turns: meta.n_turns,
        usage: Some(convert::usage(meta.usage)),
        running_turn_id: running_turn
            .map(|turn| turn.to_string())
            .unwrap_or_default(),
    }
}
