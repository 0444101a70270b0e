//! Where a call goes and with what: built once per configuration, used for every call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use owlcoda_config::{EndpointUrl, Protocol};
use owlcoda_types::Secret;

/// How long each step of a call may take. The whole of a stream has no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From sending the call to the first event of the answer, or to the whole of a plain one.
    pub first_token: Duration,
    /// Between two parts of a stream.
    pub idle: Duration,
}

impl Limits {
    /// For what does not have to be waited for.
    pub(crate) const NONE: Self = Self {
        first_token: Duration::from_hours(1),
        idle: Duration::from_hours(1),
    };
}

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The version of the Anthropic API that every server of it speaks; a caller's own wins over it.
const DEFAULT_VERSION: &str = "2023-06-01";

/// How a key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer …`.
    Bearer,
    /// `x-api-key: …`.
    XApiKey,
}

/// A model server's route with its headers.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Host and port, for people. Paths may hold what is not for every caller.
    pub endpoint: Arc<str>,
    pub(crate) url: reqwest::Url,
    pub(crate) headers: HeaderMap,
    pub(crate) limits: Limits,
    pub(crate) is_local: bool,
}

/// Why a destination cannot be built from the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The URL does not parse.
    #[error("`{url}` is not a URL that can be called")]
    Url {
        /// The URL as configured.
        url: String,
    },
    /// A header's name or value has characters that HTTP does not allow.
    #[error("header `{name}` has characters that HTTP does not allow")]
    Header {
        /// The header's name; its value may be a secret.
        name: String,
    },
}

impl Destination {
    /// Prepares calls to the route of `url` where models that speak `protocol` are asked.
    pub fn try_new(
        url: &EndpointUrl,
        protocol: Protocol,
        key: Option<(KeyHeader, &Secret)>,
        headers: &BTreeMap<String, Secret>,
        limits: Limits,
    ) -> Result<Self, DestinationError> {
        let text = match protocol {
            Protocol::OpenAi => url.chat_completions(),
            Protocol::Anthropic => url.messages(),
        };
        let parsed = reqwest::Url::parse(&text);
        let mut map = HeaderMap::with_capacity(headers.len() + 4);
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        map.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        if protocol == Protocol::Anthropic {
            map.insert(ANTHROPIC_VERSION, HeaderValue::from_static(DEFAULT_VERSION));
        }
        match key {
            Some((KeyHeader::Bearer, key)) => {
                let value = format!("Bearer {}", key.expose());
                map.insert(AUTHORIZATION, secret_value("apiKey", &value)?);
            }
            Some((KeyHeader::XApiKey, key)) => {
                map.insert(X_API_KEY, secret_value("apiKey", key.expose())?);
            }
            None => {}
        }
        for (name, value) in headers {
            let unusable = |_| DestinationError::Header { name: name.clone() };
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(unusable)?;
            map.insert(header, secret_value(name, value.expose())?);
        }
        // Compression would hold back the parts of a stream, and we do not undo it.
        map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let id = url.id();
        Ok(Self {
            endpoint: Arc::from(id.split('/').next().unwrap_or_default()),
            url: parsed.map_err(|_| DestinationError::Url { url: text })?,
            headers: map,
            limits,
            is_local: url.is_loopback(),
        })
    }
}

impl Destination {
    /// Where calls go, for who may see addresses.
    pub fn address(&self) -> &str {
        self.url.as_str()
    }

    /// The head of a call, with what is secret masked.
    pub fn head<'a>(
        &self,
        forwarded: impl IntoIterator<Item = &'a (&'static str, String)>,
    ) -> Vec<(String, String)> {
        let mut head = crate::head::shown(&self.headers);
        for (name, value) in forwarded {
            head.retain(|(known, _)| known != name);
            head.push(((*name).to_owned(), value.clone()));
        }
        head
    }
}

fn secret_value(name: &str, value: &str) -> Result<HeaderValue, DestinationError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| DestinationError::Header {
        name: name.to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
