//! A client, and a destination on a scripted server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use owlcoda_config::{EndpointUrl, Protocol};
use owlcoda_testkit::FakeUpstream;
use owlcoda_types::Secret;
use owlcoda_upstream::{Destination, KeyHeader, Limits, Upstream};

/// Long enough that no test gets there unless it moves the clock.
pub(crate) const LIMITS: Limits = Limits {
    first_token: Duration::from_mins(10),
    idle: Duration::from_mins(5),
};

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

pub(crate) fn client() -> Upstream {
    Upstream::try_new(Duration::from_mins(1)).unwrap()
}

pub(crate) fn url(fake: &FakeUpstream) -> EndpointUrl {
    EndpointUrl::parse(&fake.url()).unwrap()
}

/// Calls of a server at `url`, with a key.
pub(crate) fn destination(url: &EndpointUrl) -> Destination {
    Destination::try_new(
        url,
        Protocol::OpenAi,
        Some((KeyHeader::Bearer, &Secret::new(KEY))),
        &BTreeMap::new(),
        LIMITS,
    )
    .unwrap()
}

pub(crate) fn body() -> Bytes {
    Bytes::from_static(br#"{"model":"m","messages":[]}"#)
}
