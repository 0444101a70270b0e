//! The daemon's own address, which no model server can have: a daemon that has it asks itself.

use std::net::IpAddr;
use std::str::FromStr as _;

use crate::config::{Config, DiscoveryConfig, ModelTarget, ServerConfig};
use crate::endpoint::EndpointUrl;
use crate::problem::{Report, code};

/// Where the HTTP API listens.
#[derive(Clone, Copy)]
pub(super) struct OwnAddress {
    host: IpAddr,
    /// 0 is any free port, which is nobody's yet.
    port: u16,
}

impl OwnAddress {
    pub(super) const fn of(server: &ServerConfig) -> Self {
        Self {
            host: server.host,
            port: server.port,
        }
    }

    /// Whether a call of `endpoint` comes back to the daemon.
    pub(super) fn is(self, endpoint: &EndpointUrl) -> bool {
        if self.port == 0 || endpoint.port() != self.port {
            return false;
        }
        let host = endpoint.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_everywhere = self.host.is_unspecified();
        match IpAddr::from_str(bare) {
            Ok(address) => {
                address == self.host
                    || is_everywhere && (address.is_loopback() || address.is_unspecified())
            }
            Err(_) => endpoint.is_loopback() && (self.host.is_loopback() || is_everywhere),
        }
    }

    fn refuse(self, path: impl Into<String>, report: &mut Report) {
        let message = format!(
            "is the address of this daemon itself (port {}), which would ask itself; name the \
             model server's, or set another `port`",
            self.port
        );
        report.error(code::PORT_CONFLICT, path, message);
    }

    /// Reports an address that somebody wrote at `path`.
    pub(super) fn check(self, endpoint: &EndpointUrl, path: &str, report: &mut Report) {
        if self.is(endpoint) {
            self.refuse(path, report);
        }
    }

    /// Takes the address out of the usual ones, which nobody wrote.
    pub(super) fn leave_out(self, discovery: &mut DiscoveryConfig) {
        discovery.endpoints.retain(|endpoint| !self.is(endpoint));
    }
}

/// Reports models that the daemon would ask itself for, and ports that two programs are to have.
pub(super) fn check(config: &Config, report: &mut Report) {
    let own = OwnAddress::of(&config.server);
    let is_router_told = ["routerUrl", super::ROUTER_URL]
        .iter()
        .any(|path| report.mentions(path));
    for (model_idx, model) in config.models.iter().enumerate() {
        let path = format!("models[{model_idx}]");
        if let ModelTarget::Endpoint(endpoint) = &model.target
            && own.is(endpoint)
            && !is_router_told
            && !report.mentions(&format!("{path}.endpoint"))
        {
            own.refuse(path, report);
        }
    }
    for (runtime_idx, runtime) in config.runtimes.iter().enumerate() {
        let Some(port) = runtime.port else { continue };
        let path = format!("runtimes[{runtime_idx}].port");
        let earlier = config.runtimes.iter().take(runtime_idx);
        let twin = earlier.into_iter().find(|other| other.port == Some(port));
        if port == config.server.port {
            report.error(code::PORT_CONFLICT, path, "is the port of this daemon");
        } else if let Some(twin) = twin {
            let message = format!("is the port of the runtime `{}` too", twin.name);
            report.error(code::PORT_CONFLICT, path, message);
        }
    }
    if config.models.is_empty()
        && (!config.discovery.is_enabled || config.discovery.endpoints.is_empty())
        && !report.has_errors()
    {
        let message = "there are none, and no model server is looked for: nothing can answer; \
                       name some, or set `discovery.enabled` to true";
        report.warning(code::NO_MODELS, "models", message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_our_own_where_a_call_of_it_comes_back() {
        let cases = [
            ("127.0.0.1", "http://127.0.0.1:8019", true),
            ("127.0.0.1", "http://localhost:8019/v1", true),
            ("127.0.0.1", "https://127.0.0.1:8019/anthropic", true),
            ("127.0.0.1", "http://127.0.0.1:8020", false),
            ("127.0.0.1", "http://127.0.0.2:8019", false),
            ("127.0.0.1", "http://[::1]:8019", false),
            ("127.0.0.1", "http://192.0.2.1:8019", false),
            ("::1", "http://[::1]:8019", true),
            ("0.0.0.0", "http://127.0.0.1:8019", true),
            ("0.0.0.0", "http://localhost:8019", true),
            ("0.0.0.0", "http://example.com:8019", false),
        ];
        for (host, endpoint, expected) in cases {
            let own = OwnAddress {
                host: host.parse().unwrap(),
                port: 8019,
            };
            let url = EndpointUrl::parse(endpoint).unwrap();
            assert_eq!(own.is(&url), expected, "{host} {endpoint}");
            assert!(!OwnAddress { port: 0, ..own }.is(&url));
        }
    }
}
