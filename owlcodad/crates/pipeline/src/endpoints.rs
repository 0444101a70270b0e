//! The model servers in use, each with its models and how it is.

use std::collections::HashMap;
use std::sync::Arc;

use owlcoda_config::{EndpointUrl, ModelTarget};
use owlcoda_models::Model;
use owlcoda_models::policy::{BreakerState, BreakerView, ModelHealth};
use owlcoda_types::{Server, clip, printable};
use owlcoda_upstream::managed::State;

use crate::health::EndpointHealth;
use crate::pipeline::{Pipeline, now};

/// One model server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The same in status, audit and metrics.
    pub id: String,
    /// Where it is; none for one of ours that does not run.
    pub url: Option<EndpointUrl>,
    /// Which server it is, as far as it is known.
    pub server: Server,
    /// Whether it answers; none where that is not known.
    pub is_up: Option<bool>,
    /// What was heard of it.
    pub health: Option<EndpointHealth>,
    /// Its models, in the order of the registry; none where it was looked for and not found.
    pub models: Vec<Served>,
}

/// One model at its server.
#[derive(Clone, Debug)]
pub struct Served {
    /// The model.
    pub model: Arc<Model>,
    /// Whether it may be asked.
    pub breaker: BreakerView,
}

/// Nothing is there under that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no model server is called `{asked}`{}", hint(known))]
pub struct NoSuchEndpoint {
    /// The name as asked for, fit to be shown.
    pub asked: String,
    /// The ids of all there are.
    pub known: Vec<String>,
}

fn hint(known: &[String]) -> String {
    match known {
        [] => "; there is none".to_owned(),
        ids => format!("; there is {}", ids.join(", ")),
    }
}

/// A model whose breaker was closed by hand, and how that was before.
pub type Reset = (String, BreakerState);

impl Pipeline {
    /// Every model server that has a model, in the order of the registry, then those that discovery
    /// looks for in vain.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let snapshot = self.snapshot();
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut rows: HashMap<String, usize> = HashMap::new();
        let breakers = self.standing().policy().health(now());
        let served = |model: &Arc<Model>, endpoint: &str| Served {
            model: Arc::clone(model),
            breaker: breaker_of(&breakers, model, endpoint),
        };
        for model in snapshot.registry.models() {
            let id = model.endpoint_id();
            let row = rows.get(&id).and_then(|&row| endpoints.get_mut(row));
            if let Some(endpoint) = row {
                endpoint.models.push(served(model, &id));
                continue;
            }
            let health = self.standing().health(&id);
            let mut is_up = health.as_ref().map(|health| health.is_up);
            let url = match &model.target {
                ModelTarget::Endpoint(url) => Some(url.clone()),
                ModelTarget::Runtime(name) => {
                    let status = snapshot.runtimes.status().into_iter();
                    let state = status.filter(|runtime| runtime.name == *name);
                    let state = state.map(|runtime| runtime.state).next();
                    is_up = match state {
                        Some(State::Ready { .. }) => is_up.or(Some(true)),
                        Some(State::Failed { .. }) => Some(false),
                        // The next call starts it.
                        Some(State::Stopped | State::Starting { .. }) | None => None,
                    };
                    match state {
                        Some(State::Ready { port, .. }) => Some(EndpointUrl::on_this_machine(port)),
                        _ => None,
                    }
                }
            };
            rows.insert(id.clone(), endpoints.len());
            endpoints.push(Endpoint {
                models: vec![served(model, &id)],
                id,
                url,
                server: model.server,
                is_up,
                health,
            });
        }
        for url in &snapshot.settings.looked_for {
            let is_listed = endpoints.iter().any(|endpoint| {
                let listed = endpoint.url.as_ref();
                listed.is_some_and(|listed| listed.is_same_server(url))
            });
            if !is_listed {
                endpoints.push(Endpoint {
                    id: url.id(),
                    url: Some(url.clone()),
                    server: url.likely_server(),
                    is_up: Some(false),
                    health: None,
                    models: Vec::new(),
                });
            }
        }
        endpoints
    }

    /// Closes the breakers of every model at `endpoint`, so that the next call asks it again. Returns
    /// each of these models.
    pub fn reset_breakers(&self, endpoint: &str) -> Result<Vec<Reset>, NoSuchEndpoint> {
        let reset = self.standing().policy().reset_breakers(endpoint, now());
        if reset.is_empty() {
            return Err(self.no_such_endpoint(endpoint));
        }
        Ok(reset)
    }

    pub(crate) fn no_such_endpoint(&self, asked: &str) -> NoSuchEndpoint {
        let endpoints = self.endpoints().into_iter();
        NoSuchEndpoint {
            asked: clip(&printable(asked), 80).into_owned(),
            known: endpoints.map(|endpoint| endpoint.id).collect(),
        }
    }
}

/// The breaker of `model`. One that nothing is known of lets everything through.
fn breaker_of(known: &[ModelHealth], model: &Model, endpoint: &str) -> BreakerView {
    let found = known
        .iter()
        .find(|health| health.model == model.id && health.endpoint == endpoint);
    found.map_or(
        BreakerView {
            state: BreakerState::Closed,
            n_failures: 0,
            retry_in: None,
        },
        |health| health.breaker,
    )
}
