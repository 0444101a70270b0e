//! From the command line to a conversation: finds the daemon, and what to go on with.

use std::time::Duration;

use owlcoda_proto::v1::{GetSessionRequest, RequestMeta, SessionInfo};
use owlcoda_proto::{Client, Environment, ErrorCode, Failure, Place, connect};
use uuid::Uuid;

use crate::cli::Cli;
use crate::error::ReplError;

/// How long a call may take. None of ours waits for a model.
pub(crate) const CALL: Duration = Duration::from_secs(10);

/// A daemon that answers and the conversation that is asked for.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) place: Place,
    pub(crate) client: Client,
    /// The one to go on with; none for a new one.
    pub(crate) session: Option<SessionInfo>,
    /// Model for the next input; empty means the session's, or the default of a new one.
    pub(crate) model: String,
}

impl Opening {
    /// Opens what the command line asks for. A new conversation is made with its first input, so
    /// that one who only looks in leaves none behind and may come before there is a model.
    pub(crate) async fn of(cli: &Cli) -> Result<Self, ReplError> {
        let environment = Environment::of_process();
        let place = Place::of_running(cli.home.as_deref(), cli.socket.as_deref(), &environment)?;
        let client = connect(&place.socket)
            .await
            .map_err(|source| ReplError::Connect {
                source,
                home: cli.home.clone(),
            })?;
        let session = match &cli.resume {
            Some(session_id) => Some(find(&client, session_id).await?),
            None => None,
        };
        Ok(Self {
            place,
            client,
            session,
            model: cli.model.clone().unwrap_or_default(),
        })
    }
}

async fn find(client: &Client, session_id: &str) -> Result<SessionInfo, ReplError> {
    let session_id = session_id.to_owned();
    let mut sessions = client.sessions();
    let call = sessions.get(GetSessionRequest { session_id });
    match tokio::time::timeout(CALL, call).await {
        Ok(Ok(session)) => Ok(session.into_inner()),
        Ok(Err(status)) => Err(ReplError::Refused(Failure::from(status))),
        Err(_) => Err(no_answer()),
    }
}

/// The daemon took a call and says nothing.
pub(crate) fn no_answer() -> ReplError {
    ReplError::Refused(Failure {
        code: ErrorCode::Timeout,
        message: format!("the daemon does not answer within {} s", CALL.as_secs()),
    })
}

/// What a request that changes something carries; sent again, it changes nothing more.
pub(crate) fn new_meta() -> RequestMeta {
    RequestMeta {
        request_id: Uuid::now_v7().to_string(),
    }
}
