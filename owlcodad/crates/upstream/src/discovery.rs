//! Asks model servers which models they have, each in its own words.
//!
//! ```text
//! Ollama     /api/tags and /api/ps, then /api/show once for each model and digest
//! LM Studio  /api/v0/models
//! llama.cpp  /v1/models, then /props
//! others     /v1/models
//! ```
//!
//! Which server it is, its address makes likely and its list tells; where its own words are not
//! understood there, `/v1/models` is. What comes back is bounded in size, number and time, and one odd
//! entry does not cost the others.

mod list;
mod llama_cpp;
mod lm_studio;
mod ollama;
mod value;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use owlcoda_config::EndpointUrl;
use owlcoda_types::Server;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::client::Upstream;
use crate::destination::Destination;
use ollama::Shown;

/// How long a server may take to list its models, in whichever words.
const LIST: Duration = Duration::from_millis(1500);

/// How long it may take in all, with what it tells of each of them.
const DETAILS: Duration = Duration::from_secs(3);

/// Most models taken from one server.
const MAX_MODELS: usize = 200;

/// A server to ask, with what calls of it carry.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its base.
    pub url: EndpointUrl,
    pub(crate) server: Option<Server>,
    pub(crate) headers: HeaderMap,
}

impl Place {
    /// A server that is asked without a key.
    pub fn open(url: EndpointUrl) -> Self {
        Self {
            url,
            server: None,
            headers: HeaderMap::new(),
        }
    }

    /// The server that `destination` leads to, asked with the same key and headers.
    pub fn of(url: EndpointUrl, destination: &Destination) -> Self {
        let mut headers = destination.headers.clone();
        headers.remove(CONTENT_TYPE);
        Self {
            url,
            server: None,
            headers,
        }
    }

    /// The same, known to be `server` rather than what usually is at its address.
    #[must_use]
    pub fn known_as(mut self, server: Server) -> Self {
        self.server = Some(server).filter(|server| *server != Server::Generic);
        self
    }

    fn likely_server(&self) -> Server {
        self.server.unwrap_or_else(|| self.url.likely_server())
    }

    pub(crate) fn route(&self, path: &str) -> String {
        format!("{}{path}", self.url.root())
    }
}

/// Until when one look at one server may take.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    list: Instant,
    details: Instant,
}

/// A model server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Its base.
    pub url: EndpointUrl,
    /// Which server it is: what it says itself, else what usually is at its address.
    pub server: Server,
    /// Its models in its own order, at least one.
    pub models: Vec<DiscoveredModel>,
}

/// One model of a server that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveredModel {
    /// The name that the server knows it by.
    pub name: String,
    /// Prompt and answer together, in tokens, where the server tells.
    pub context_window: Option<u32>,
    /// `7B`, `135M`, where the server tells.
    pub parameter_size: Option<String>,
    /// `Q4_K_M`, `4bit`, where the server tells.
    pub quantization: Option<String>,
    /// Whether it embeds or ranks texts and answers nobody.
    pub is_embedding: bool,
    /// Whether its server passes calls on to somebody else's machine.
    pub is_remote: bool,
    /// Whether it is in memory now, where the server tells.
    pub is_loaded: Option<bool>,
}

/// Looks at model servers again and again, and remembers what need not be asked twice. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Discovery {
    upstream: Upstream,
    /// What Ollama servers showed, by server and model.
    shown: Arc<Mutex<BTreeMap<EndpointUrl, BTreeMap<String, Shown>>>>,
}

impl Discovery {
    /// Knows nothing yet.
    pub fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            shown: Arc::default(),
        }
    }

    /// Asks each of `places` for its models; those that do not answer, or have none, are left out. The
    /// order stays. Takes 3 s at most, however many there are.
    pub async fn look(&self, places: &[Place]) -> Vec<Discovered> {
        let urls: HashSet<_> = places.iter().map(|place| &place.url).collect();
        self.shown.lock().retain(|url, _| urls.contains(url));
        join_all(places.iter().map(|place| self.probe(place)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn probe(&self, place: &Place) -> Option<Discovered> {
        let now = Instant::now();
        let until = Deadlines {
            list: now + LIST,
            details: now + DETAILS,
        };
        let likely = place.likely_server();
        let own_words = self.in_own_words(place, likely, until).await;
        let (server, models) = match own_words {
            Some(models) => (likely, models),
            None => self.listed(place, likely, until).await?,
        };
        let models = usable(models);
        (!models.is_empty()).then(|| Discovered {
            server,
            url: place.url.clone(),
            models,
        })
    }

    /// By the list that all servers have, and more where that tells which server it is.
    async fn listed(
        &self,
        place: &Place,
        likely: Server,
        until: Deadlines,
    ) -> Option<(Server, Vec<DiscoveredModel>)> {
        let address = place.url.models();
        let answer = self.upstream.look(place, &address, until.list).await?;
        let list = list::parse(&answer)?;
        let server = list.server.unwrap_or(likely);
        let mut models = list.models;
        if server == Server::LlamaCpp {
            llama_cpp::add_details(&self.upstream, place, &mut models, until).await;
        } else if server != likely
            && let Some(own_words) = self.in_own_words(place, server, until).await
        {
            models = own_words;
        }
        Some((server, models))
    }

    async fn in_own_words(
        &self,
        place: &Place,
        server: Server,
        until: Deadlines,
    ) -> Option<Vec<DiscoveredModel>> {
        match server {
            Server::Ollama => self.ollama(place, until).await,
            Server::LmStudio => {
                let address = place.route(lm_studio::PATH);
                let answer = self.upstream.look(place, &address, until.list).await?;
                lm_studio::parse(&answer)
            }
            _ => None,
        }
    }
}

impl Upstream {
    /// Asks each of `candidates` once for its models; those that do not answer, or have none, are left
    /// out. The order stays.
    pub async fn discover(&self, candidates: &[EndpointUrl]) -> Vec<Discovered> {
        let places: Vec<_> = candidates.iter().cloned().map(Place::open).collect();
        Discovery::new(self.clone()).look(&places).await
    }
}

/// The names in a list of models; none where it is no list.
pub(crate) fn names_in(answer: &[u8]) -> Option<Vec<String>> {
    let models = list::parse(answer)?.models.into_iter();
    Some(models.map(|model| model.name).collect())
}

/// Each name once, and not more than we take.
fn usable(models: Vec<DiscoveredModel>) -> Vec<DiscoveredModel> {
    let mut seen = HashSet::new();
    models
        .into_iter()
        .filter(|model| is_usable_name(&model.name) && seen.insert(model.name.clone()))
        .take(MAX_MODELS)
        .collect()
}

/// Whether a name from outside is fit to be shown and asked for.
fn is_usable_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control)
}
