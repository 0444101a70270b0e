//! The clients that watch conversations now: who they are, and how one is made to stop.

use std::collections::BTreeMap;
use std::sync::Arc;

use owlcoda_supervise::CancellationToken;
use owlcoda_types::{SessionId, UnixMs};
use parking_lot::Mutex;

use crate::peer::Peer;

/// Every client that watches. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    clients: Arc<Mutex<Clients>>,
}

#[derive(Debug, Default)]
struct Clients {
    last_id: u64,
    by_id: BTreeMap<u64, (Watcher, CancellationToken)>,
}

/// A client that watches.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    pub(crate) session: SessionId,
    pub(crate) peer: Option<Peer>,
    pub(crate) attached_at_ms: UnixMs,
}

/// Lists the client until dropped.
#[derive(Debug)]
pub(crate) struct Listed {
    watching: Watching,
    id: u64,
    detached: CancellationToken,
}

impl Watching {
    /// Lists a client from now on.
    pub(crate) fn list(&self, watcher: Watcher) -> Listed {
        let detached = CancellationToken::new();
        let mut clients = self.clients.lock();
        clients.last_id += 1;
        let id = clients.last_id;
        clients.by_id.insert(id, (watcher, detached.clone()));
        drop(clients);
        Listed {
            watching: self.clone(),
            id,
            detached,
        }
    }

    /// All of them with their numbers, longest first.
    pub(crate) fn all(&self) -> Vec<(u64, Watcher)> {
        let clients = self.clients.lock();
        let all = clients.by_id.iter();
        all.map(|(id, (watcher, _))| (*id, watcher.clone()))
            .collect()
    }

    /// Makes one stop; whether there was one.
    pub(crate) fn detach(&self, id: u64) -> bool {
        let clients = self.clients.lock();
        let found = clients.by_id.get(&id);
        found.map(|(_, detached)| detached.cancel()).is_some()
    }
}

impl Listed {
    /// Returns once somebody made the client stop.
    pub(crate) async fn detached(&self) {
        self.detached.cancelled().await;
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.watching.clients.lock().by_id.remove(&self.id);
    }
}
