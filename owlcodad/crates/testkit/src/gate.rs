//! A point in a script where the fake stops until the test says go.

use tokio::sync::watch;

use crate::guard::guarded;

/// Closed until opened, once and for all. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    is_reached: bool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self {
            state: watch::Sender::default(),
        }
    }

    /// Lets through everyone who waits and everyone who comes later.
    pub fn open(&self) {
        self.state.send_modify(|state| state.is_open = true);
    }

    /// Resolves once a script has come to this gate: all before it is written to the socket.
    pub async fn reached(&self) {
        let mut changes = self.state.subscribe();
        let reached = changes.wait_for(|state| state.is_reached);
        let describe = || "a script to reach its gate".to_owned();
        guarded(describe, reached).await.expect("we hold a sender");
    }

    /// Waits until the gate is open.
    pub(crate) async fn pass(&self) {
        self.state.send_modify(|state| state.is_reached = true);
        let mut changes = self.state.subscribe();
        let open = changes.wait_for(|state| state.is_open);
        open.await.expect("we hold a sender");
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
