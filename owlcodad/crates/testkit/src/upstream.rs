//! A model server on a port of its own that answers by script and remembers what it got.

mod connection;
mod record;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use record::{Disconnect, Received};

use crate::script::Script;
use connection::serve;
use record::Record;

/// Where chat completions are asked for; what [`FakeUpstream::script`] answers.
const COMPLETIONS: &str = "/v1/chat/completions";

/// An OpenAI-compatible server on 127.0.0.1. Dropping it closes its port and its connections.
///
/// `POST /v1/chat/completions` is answered by script, `GET /v1/models` lists the names set, and
/// `GET /health` says that all is well; anything else is a 404.
#[derive(Debug)]
pub struct FakeUpstream {
    addr: SocketAddr,
    record: Arc<Record>,
    /// Aborted on drop; the accepting task owns the connections' tasks in the same way.
    tasks: JoinSet<()>,
}

impl FakeUpstream {
    /// Starts on a free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on a given address, for a server that comes back where another was.
    pub async fn start_at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.expect("the address is free");
        let addr = listener.local_addr().expect("a listener has an address");
        let record = Arc::new(Record::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&record)));
        Self {
            addr,
            record,
            tasks,
        }
    }

    /// The base URL as a configuration has it: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the port and waits until it is closed: from then on a connection is refused.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Queues the answer to the next completion that has none yet.
    pub fn script(&self, script: Script) {
        self.record.change(|state| state.scripts.push_back(script));
    }

    /// Answers every completion for which nothing is queued.
    pub fn always(&self, script: Script) {
        self.record.change(|state| state.always = Some(script));
    }

    /// Answers every request to another path, e.g. `/v1/models`, in place of what we answer there.
    pub fn at(&self, path: &str, script: Script) {
        self.record
            .change(|state| state.fixed.insert(path.to_owned(), script));
    }

    /// Sets the names that `GET /v1/models` lists; `["fake-model"]` until then.
    pub fn models(&self, names: &[&str]) {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.record.change(|state| state.models = names);
    }

    /// Everything received so far, on any path, in the order its last byte came.
    pub fn requests(&self) -> Vec<Received> {
        self.record
            .read(|state| state.received().cloned().collect())
    }

    /// Waits for the next completion request that no call of this returned before.
    ///
    /// Requests to other paths (a prober's) are passed over; see [`Self::next_request_to`].
    pub async fn next_request(&self) -> Received {
        self.next_request_to(COMPLETIONS).await
    }

    /// Waits for the next request to `path`, with any query, that no call of this returned before.
    pub async fn next_request_to(&self, path: &str) -> Received {
        let what = format!("a request to {path}");
        self.record
            .take(&what, |state| state.take_request(path))
            .await
    }

    /// Waits for the next peer that leaves before its answer is complete.
    ///
    /// A peer that closes only its sending side has left too: no client of a model server does
    /// that to say anything else.
    pub async fn next_disconnect(&self) -> Disconnect {
        let what = "a peer to leave inside an answer";
        self.record
            .take(what, |state| state.disconnects.pop_front())
            .await
    }

    /// Connections accepted so far.
    pub fn n_connections(&self) -> usize {
        self.record.read(|state| state.n_connections)
    }

    /// Completions queued and not yet asked for.
    pub fn n_scripts_left(&self) -> usize {
        self.record.read(|state| state.scripts.len())
    }
}

async fn accept(listener: TcpListener, record: Arc<Record>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                record.change(|state| state.problems.push(format!("accept: {error}")));
                return;
            }
        };
        record.change(|state| state.n_connections += 1);
        connections.spawn(serve(stream, Arc::clone(&record)));
        while connections.try_join_next().is_some() {}
    }
}
