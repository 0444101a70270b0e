//! Models and registries for the tests of `policy`.

use owlcoda_config::{EndpointUrl, Environment, FileTrust, ModelConfig, UpstreamConfig, parse};
use owlcoda_types::Server;

use crate::{Listing, Registry};

/// A model on the server of that name.
pub(crate) fn entry(id: &str, host: &str, tier: &str) -> ModelConfig {
    let text = format!(
        r#"{{"models": [{{"id": "{id}", "endpoint": "http://{host}", "tier": "{tier}"}}]}}"#
    );
    let loaded = parse(&text, &Environment::default(), &FileTrust::FULL).unwrap();
    ModelConfig {
        is_default: false,
        ..loaded.config.models[0].clone()
    }
}

pub(crate) fn registry(entries: &[ModelConfig]) -> Registry {
    Registry::configured(entries, "config.json")
}

/// What servers of these names list.
pub(crate) fn discovered(servers: &[(&str, &[&str])]) -> Registry {
    let urls: Vec<_> = servers
        .iter()
        .map(|(host, _)| EndpointUrl::parse(&format!("http://{host}")).unwrap())
        .collect();
    let listed = urls.iter().zip(servers).map(|(url, (_, names))| {
        let names = names.iter().map(|name| (*name, None));
        Listing::offered(url, Server::Generic, names)
    });
    Registry::discovered(listed, &UpstreamConfig::default(), "config.json")
}
