//! `owlcoda.v1.Turns`: what a user does in a conversation.

use owlcoda_proto::v1::turns_server::Turns;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::{ErrorCode, TurnId};
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::sessions::session_id;
use crate::{Control, convert};

#[tonic::async_trait]
impl Turns for Control {
    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let v1::SubmitRequest {
            meta,
            session_id: session,
            text,
            model,
        } = request.into_inner();
        let request_id = meta.map(|meta| meta.request_id).unwrap_or_default();
        let model = (!model.is_empty()).then_some(model);
        observed("Turns/Submit", async {
            let submitted = self
                .agent
                .submit(session_id(&session)?, text, model, &request_id)
                .await;
            let submitted = submitted.map_err(|error| convert::agent_error(&error))?;
            Ok(v1::SubmitResponse {
                turn_id: submitted.turn.to_string(),
                seq: submitted.seq,
            })
        })
        .await
    }

    async fn interrupt(
        &self,
        request: Request<v1::InterruptRequest>,
    ) -> Result<Response<v1::InterruptResponse>, Status> {
        let v1::InterruptRequest {
            session_id: session,
            turn_id,
            ..
        } = request.into_inner();
        observed("Turns/Interrupt", async {
            let turn: Option<TurnId> = if turn_id.is_empty() {
                None
            } else {
                let parsed = turn_id.parse();
                Some(parsed.map_err(|error: String| to_status(ErrorCode::InvalidRequest, error))?)
            };
            let interrupted = self.agent.interrupt(session_id(&session)?, turn).await;
            let was_running = interrupted.map_err(|error| convert::agent_error(&error))?;
            Ok(v1::InterruptResponse { was_running })
        })
        .await
    }
}
