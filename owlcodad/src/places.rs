//! Which model servers are asked for their models, and with what.
//!
//! The endpoints of `discovery`, and beside them the servers nearby whose configured models have no
//! window, and those of our own that run. Each once, with the key and headers of its calls; never
//! ourselves, and never one of ours that sleeps.

use std::net::SocketAddr;

use owlcoda_config::{Config, EndpointUrl, ModelTarget};
use owlcoda_models::{ContextSource, Model, Source};
use owlcoda_pipeline::Snapshot;
use owlcoda_upstream::Place;

/// A server to ask.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// As models have it.
    pub(crate) target: ModelTarget,
    pub(crate) place: Place,
}

/// Whom to ask under `config`. `own` is where we listen ourselves; `snapshot` is the one in force,
/// none where there is no configured model.
pub(crate) fn to_ask(config: &Config, own: SocketAddr, snapshot: Option<&Snapshot>) -> Vec<Asked> {
    if !config.discovery.is_enabled {
        return Vec::new();
    }
    let running = snapshot.map_or_else(Vec::new, |snapshot| snapshot.runtimes.running());
    let is_ours = |url: &EndpointUrl| {
        let fixed = config.runtimes.iter().filter_map(|runtime| runtime.port);
        let ports = running.iter().map(|runtime| runtime.port).chain(fixed);
        url.id() == own.to_string()
            || ports
                .chain([own.port()])
                .any(|port| url.is_local_port(port))
    };
    let configured: Vec<&Model> = snapshot.map_or_else(Vec::new, |snapshot| {
        let models = snapshot.registry.models().iter();
        let configured = models.filter(|model| model.source == Source::Configured);
        configured.map(AsRef::as_ref).collect()
    });
    let mut asked: Vec<Asked> = Vec::new();
    let mut add = |url: &EndpointUrl| {
        let is_known = |asked: &Asked| asked.place.url.is_same_server(url);
        if is_ours(url) || asked.iter().any(is_known) {
            return;
        }
        let place = configured
            .iter()
            .find_map(|model| like(snapshot?, model, url))
            .unwrap_or_else(|| Place::open(url.clone()));
        asked.push(Asked {
            target: ModelTarget::Endpoint(place.url.clone()),
            place,
        });
    };
    for url in &config.discovery.endpoints {
        add(url);
    }
    let untold = |model: &&Model| model.context_source != ContextSource::Configured;
    for model in configured.iter().copied().filter(untold) {
        if let ModelTarget::Endpoint(url) = &model.target
            && url.is_nearby()
        {
            add(url);
        }
    }
    for runtime in &running {
        let target = ModelTarget::Runtime(runtime.name.clone());
        let mut models = configured.iter().copied().filter(untold);
        if let Some(model) = models.find(|model| model.target == target) {
            let url = EndpointUrl::on_this_machine(runtime.port);
            let place = Place::open(url).known_as(model.server);
            asked.push(Asked { target, place });
        }
    }
    asked
}

/// The server at `url` as calls of `model` reach it, where it is that model's.
fn like(snapshot: &Snapshot, model: &Model, url: &EndpointUrl) -> Option<Place> {
    let ModelTarget::Endpoint(own) = &model.target else {
        return None;
    };
    let destination = snapshot.destination(model)?;
    let place = || Place::of(own.clone(), destination).known_as(model.server);
    own.is_same_server(url).then(place)
}
