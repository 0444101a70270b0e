//! Who may call the HTTP API: `host`, `auth` and the lists of further names and origins.

use std::net::{IpAddr, Ipv4Addr};

use crate::caller::{AllowedHost, AuthConfig, AuthMode, origin};
use crate::problem::{Report, code};
use crate::raw::RawAuth;

pub(super) fn auth(raw: &RawAuth, report: &mut Report) -> AuthConfig {
    AuthConfig {
        inference: auth_mode(raw.inference.as_deref(), "auth.inference", report),
        data: auth_mode(raw.data.as_deref(), "auth.data", report),
    }
}

fn auth_mode(written: Option<&str>, path: &str, report: &mut Report) -> AuthMode {
    let mode = written.and_then(AuthMode::parse).unwrap_or_default();
    if mode == AuthMode::None {
        let message =
            "lets every user and program of this machine in; `token` and `same-uid` do not";
        report.warning(code::NO_AUTH, path, message);
    } else if mode == AuthMode::SameUid && !AuthMode::KNOWS_PEERS {
        let message = "`same-uid` needs Linux; use `token`";
        report.error(code::UNKNOWN_VALUE, path, message);
    }
    mode
}

/// The address to listen on. One beyond this machine needs leave, and the token everywhere.
pub(super) fn listen_address(
    host: &str,
    may_be_remote: bool,
    auth: AuthConfig,
    report: &mut Report,
) -> Option<IpAddr> {
    let address = if host.eq_ignore_ascii_case("localhost") {
        Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))
    } else {
        host.parse::<IpAddr>()
    };
    let Ok(address) = address else {
        let message = "is not an IP address; use 127.0.0.1, ::1 or localhost";
        report.error(code::BAD_HOST, "host", message);
        return None;
    };
    if address.is_loopback() {
        return Some(address);
    }
    if !may_be_remote {
        let message = "can be reached from other machines; use 127.0.0.1, ::1 or localhost, or set \
                       `server.allowRemote` to true and every class of `auth` to `token`";
        report.error(code::BAD_HOST, "host", message);
        return None;
    }
    for (mode, path) in [(auth.inference, "auth.inference"), (auth.data, "auth.data")] {
        if mode != AuthMode::Token {
            let message = format!("must be `token` while `host` is {address}");
            report.error(code::REMOTE_WITHOUT_TOKEN, path, message);
        }
    }
    Some(address)
}

pub(super) fn allowed_hosts(written: &[String], report: &mut Report) -> Vec<AllowedHost> {
    let mut hosts = Vec::with_capacity(written.len());
    for (idx, text) in written.iter().enumerate() {
        if let Some(host) = AllowedHost::parse(text) {
            hosts.push(host);
        } else {
            let path = format!("server.allowedHosts[{idx}]");
            let message = "must be a name or an address, such as `owl.lan` or `owl.lan:8019`";
            report.error(code::BAD_ALLOWED_HOST, path, message);
        }
    }
    hosts
}

pub(super) fn allowed_origins(written: &[String], report: &mut Report) -> Vec<String> {
    let mut origins = Vec::with_capacity(written.len());
    for (idx, text) in written.iter().enumerate() {
        if let Some(origin) = origin(text) {
            origins.push(origin);
        } else {
            let path = format!("server.allowedOrigins[{idx}]");
            let message = "must be scheme, host and port without a path, such as \
                           `http://localhost:3000`; `*` and `null` are not possible";
            report.error(code::BAD_ALLOWED_ORIGIN, path, message);
        }
    }
    origins
}
