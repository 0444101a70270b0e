//! Looks at one model server without asking a model anything: whether it answers, and with which
//! models.

use std::collections::BTreeMap;
use std::time::Duration;

use owlcoda_config::{EndpointUrl, Protocol};
use owlcoda_types::Secret;

use crate::client::Upstream;
use crate::destination::{Destination, KeyHeader, Limits};
use crate::discovery::names_in;
use crate::error::UpstreamError;

/// What a look at a model server came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It listed its models, perhaps none.
    Listed(Vec<String>),
    /// It answered, and refused to list them.
    Refused {
        /// Of its answer.
        status: u16,
    },
    /// It answered something that is no list of models.
    NoList,
    /// It did not answer.
    Silent {
        /// In plain words.
        reason: String,
    },
}

impl Upstream {
    /// Asks the server at `url` for its models as a call of one would: with the key and the headers.
    /// `limit` is for the whole of it.
    pub async fn look_at(
        &self,
        url: &EndpointUrl,
        protocol: Protocol,
        key: Option<(KeyHeader, &Secret)>,
        headers: &BTreeMap<String, Secret>,
        limit: Duration,
    ) -> Look {
        let destination = match Destination::try_new(url, protocol, key, headers, Limits::NONE) {
            Ok(destination) => destination,
            Err(error) => {
                return Look::Silent {
                    reason: error.to_string(),
                };
            }
        };
        let list = match protocol {
            Protocol::OpenAi => url.models(),
            Protocol::Anthropic => url.messages().replace("/messages", "/models"),
        };
        let get = self.get_list(&list, url, destination.headers);
        match tokio::time::timeout(limit, get).await {
            Ok(Ok((status, Some(body)))) if (200..300).contains(&status) => {
                names_in(&body).map_or(Look::NoList, Look::Listed)
            }
            Ok(Ok((status, None))) if (200..300).contains(&status) => Look::NoList,
            Ok(Ok((status, _))) => Look::Refused { status },
            Ok(Err(error)) => Look::Silent {
                reason: reason(&error),
            },
            Err(_) => Look::Silent {
                reason: format!("nothing came in {} s", limit.as_secs_f32()),
            },
        }
    }
}

fn reason(error: &UpstreamError) -> String {
    let reason = error.reason();
    reason.map_or_else(|| error.to_string(), str::to_owned)
}
