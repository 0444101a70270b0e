//! The daemon's own port, proxies, and certificate authorities.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use owlcoda_config::{Config, Environment, ModelTarget, ServerConfig};

use super::Check;
use super::files::Daemon;
use crate::port_holder::PortHolder;

/// Variables by which calls of other machines go through a proxy.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Where the certificate authorities of the usual systems are.
const AUTHORITIES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

pub(super) fn port(server: &ServerConfig, daemon: &Daemon) -> Check {
    let id = "port";
    let address = SocketAddr::new(server.host, server.port);
    if server.port == 0 {
        return Check::ok(id, "any free one");
    }
    let Err(error) = TcpListener::bind(address) else {
        return Check::ok(id, format!("{address} is free"));
    };
    if error.kind() != ErrorKind::AddrInUse {
        let remedy = "correct `host` and `port` in the configuration";
        return Check::fail(id, format!("{address} cannot be had: {error}"), remedy);
    }
    let holder = PortHolder::find(address);
    let pid = holder.as_ref().and_then(|holder| holder.program.as_ref());
    let is_ours = match pid {
        Some((_, pid)) => daemon.pid() == Some(*pid),
        // The system does not tell, and a daemon of this home runs.
        None => holder.is_none() && daemon.is_running(),
    };
    if is_ours {
        return Check::ok(id, format!("{address} is the running daemon's"));
    }
    let holder = holder.map_or_else(|| "another program".to_owned(), |it| it.to_string());
    Check::fail(
        id,
        format!("{address} is held by {holder}"),
        "stop it, or set `port` in the configuration (or OWLCODA_PORT)",
    )
}

pub(super) fn proxies(env: &Environment) -> Check {
    let id = "proxy";
    let set: Vec<&str> = PROXIES
        .into_iter()
        .filter(|name| env.get(name).is_some())
        .collect();
    if set.is_empty() {
        return Check::ok(id, "none: every model server is called directly");
    }
    // A value may hold a password, so it is never shown.
    let is_url = |name: &&str| {
        let text = env.get(name).and_then(|value| value.to_str());
        text.is_some_and(|text| {
            let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
            !rest.is_empty() && !rest.contains(char::is_whitespace)
        })
    };
    let names = set.join(", ");
    match set.iter().find(|name| !is_url(name)) {
        Some(bad) => Check::warn(
            id,
            format!("{bad} is no address of a proxy"),
            format!("unset {bad}, or set it to http://HOST:PORT"),
        ),
        None => Check::ok(
            id,
            format!("{names}: for model servers of other machines, never for those of this one"),
        ),
    }
}

pub(super) fn certificates(config: &Config, env: &Environment) -> Check {
    let id = "certificates";
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
    let set = named.into_iter().find(|name| env.get(name).is_some());
    let found = match set {
        Some(name) => {
            let path = env.get(name).map(Path::new);
            path.filter(|path| path.exists())
                .map(|path| format!("{} ({name})", path.display()))
        }
        None if cfg!(target_os = "macos") => Some("those of the system".to_owned()),
        None => {
            let path = AUTHORITIES
                .into_iter()
                .find(|path| Path::new(path).exists());
            path.map(str::to_owned)
        }
    };
    if let Some(found) = found {
        return Check::ok(id, found);
    }
    let detail = match set {
        Some(name) => format!("what {name} names is not there"),
        None => "this machine has no certificate authorities".to_owned(),
    };
    let remedy = match set {
        Some(name) => format!("unset {name}, or correct it"),
        None => "install them (Debian: apt install ca-certificates)".to_owned(),
    };
    let is_needed = config
        .models
        .iter()
        .any(|model| matches!(&model.target, ModelTarget::Endpoint(url) if url.is_encrypted()));
    if is_needed {
        Check::fail(id, format!("{detail}, and a model is at https"), remedy)
    } else {
        Check::warn(id, detail, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::doctor::State;

    #[test]
    fn a_proxy_is_named_and_its_password_is_not() {
        assert_eq!(proxies(&Environment::default()).state, State::Ok);
        let env = Environment::from_iter([("HTTPS_PROXY", "http://me:s3cret@proxy:3128")]);
        let check = proxies(&env);
        assert_eq!(check.state, State::Ok);
        assert!(check.detail.contains("HTTPS_PROXY"));
        assert!(!format!("{check:?}").contains("s3cret"));
        let env = Environment::from_iter([("http_proxy", "not an address")]);
        assert_eq!(proxies(&env).state, State::Warn);
    }

    #[test]
    fn without_authorities_a_model_at_https_cannot_work() {
        let env = Environment::from_iter([("SSL_CERT_FILE", "/no/such/file")]);
        let mut config = Config::default();
        assert_eq!(certificates(&config, &env).state, State::Warn);
        let text = r#"{"models": [{"id": "a", "endpoint": "https://h"}]}"#;
        let loaded = owlcoda_config::parse(text, &env, &owlcoda_config::FileTrust::FULL);
        config.models = loaded.unwrap().config.models;
        let check = certificates(&config, &env);
        assert_eq!(check.state, State::Fail);
        assert_eq!(
            check.remedy.as_deref(),
            Some("unset SSL_CERT_FILE, or correct it")
        );
    }
}
