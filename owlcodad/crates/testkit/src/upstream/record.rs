//! What the fake is to answer and what it has seen, in one value that tests wait on.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::COMPLETIONS;
use crate::completions::MODEL;
use crate::guard::guarded;
use crate::http1::Headers;
use crate::script::Script;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// With its query, if it has one.
    pub path: String,
    /// Names in lower case.
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON; panics where it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            let body = String::from_utf8_lossy(&self.body);
            panic!("{} {} is not JSON: {error}: {body}", self.method, self.path)
        })
    }

    /// The path without its query.
    pub fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The first value of a field; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// A peer that left before its answer was complete.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// The request that was being answered.
    pub request: Received,
    /// How much of the body the fake had handed to its socket, without framing.
    pub body_bytes: usize,
}

/// The state of one fake.
#[derive(Debug, Default)]
pub(super) struct Record {
    state: watch::Sender<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) scripts: VecDeque<Script>,
    pub(super) always: Option<Script>,
    /// Answers by path.
    pub(super) fixed: HashMap<String, Script>,
    pub(super) models: Vec<String>,
    pub(super) disconnects: VecDeque<Disconnect>,
    pub(super) n_connections: usize,
    /// What went wrong on our side of a connection, for the message of a wait that failed.
    pub(super) problems: Vec<String>,
    requests: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    received: Received,
    is_taken: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            scripts: VecDeque::new(),
            always: None,
            fixed: HashMap::new(),
            models: vec![MODEL.to_owned()],
            disconnects: VecDeque::new(),
            n_connections: 0,
            problems: Vec::new(),
            requests: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn received(&self) -> impl Iterator<Item = &Received> {
        self.requests.iter().map(|entry| &entry.received)
    }

    pub(super) fn take_request(&mut self, route: &str) -> Option<Received> {
        let entry = self
            .requests
            .iter_mut()
            .find(|entry| !entry.is_taken && entry.received.route() == route)?;
        entry.is_taken = true;
        Some(entry.received.clone())
    }

    /// Records a request and decides its answer in one step, so that scripts are used up in the
    /// order of the requests.
    pub(super) fn answer(&mut self, received: Received) -> Script {
        let script = self.choose(&received.method, received.route());
        self.requests.push(Entry {
            received,
            is_taken: false,
        });
        script
    }

    fn choose(&mut self, method: &str, path: &str) -> Script {
        if let Some(script) = self.fixed.get(path) {
            return script.clone();
        }
        match (method, path) {
            ("POST", COMPLETIONS) => self
                .scripts
                .pop_front()
                .or_else(|| self.always.clone())
                .unwrap_or_else(|| Script::error(500, "no script is left for this request")),
            ("GET", "/v1/models") => {
                let models = self.models.iter().map(
                    |name| json!({"id": name, "object": "model", "created": 0, "owned_by": "fake"}),
                );
                let models: Vec<Value> = models.collect();
                Script::new().json(&json!({"object": "list", "data": models}))
            }
            ("GET", "/health") => Script::new().json(&json!({"status": "ok"})),
            _ => Script::error(404, &format!("the fake has nothing at {method} {path}")),
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("{} connections; requests:", self.n_connections);
        for Entry { received, is_taken } in &self.requests {
            let Received { method, path, .. } = received;
            let taken = if *is_taken { " (taken)" } else { "" };
            let _ = write!(text, "\n  {method} {path}{taken}");
        }
        for problem in &self.problems {
            let _ = write!(text, "\n  problem: {problem}");
        }
        text
    }
}

impl Record {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut output = None;
        self.state.send_modify(|state| output = Some(change(state)));
        output.expect("the change was made")
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.borrow())
    }

    /// Waits until `take` finds something.
    pub(super) async fn take<T>(&self, what: &str, take: impl Fn(&mut State) -> Option<T>) -> T {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changes = self.state.subscribe();
        let taken = async {
            loop {
                let mut taken = None;
                self.state.send_if_modified(|state| {
                    taken = take(state);
                    false
                });
                match taken {
                    Some(taken) => return taken,
                    None => changes.changed().await.expect("we hold the sender"),
                }
            }
        };
        guarded(
            || format!("{what}; seen: {}", self.read(State::describe)),
            taken,
        )
        .await
    }
}
