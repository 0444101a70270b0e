//! The end of a session for good: only while nobody uses it.

use owlcoda_types::SessionId;
use tokio::sync::mpsc;

use super::{Command, Session};
use crate::AgentError;
use crate::hub::Hub;

impl Session {
    /// Removes it, unless a turn runs or somebody watches.
    pub(super) async fn remove(&mut self) -> Result<(), AgentError> {
        let session = self.log.meta().id;
        if let Some(turn) = self.turn.running() {
            return Err(AgentError::TurnRuns { turn });
        }
        let n_clients = self.subscribers.n_watching();
        if n_clients > 0 {
            return Err(AgentError::Watched { session, n_clients });
        }
        if !self.hub.store.remove(session).await? {
            return Err(AgentError::NotFound { session });
        }
        self.is_removed = true;
        Ok(())
    }
}

/// Removes a session whose log cannot be read, where somebody waits for that. Nobody can be using it.
/// The others who wait are told `why` it cannot.
pub(super) async fn of_unreadable(
    hub: &Hub,
    session: SessionId,
    mailbox: &mut mpsc::Receiver<Command>,
    why: &AgentError,
) {
    let mut others = Vec::new();
    while let Ok(command) = mailbox.try_recv() {
        let Command::Remove { reply } = command else {
            others.push(command);
            continue;
        };
        let removed = match hub.store.remove(session).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AgentError::NotFound { session }),
            Err(error) => Err(AgentError::from(error)),
        };
        // Whoever asked may be gone.
        let _ = reply.send(removed);
    }
    for command in others {
        command.refuse(why);
    }
}
