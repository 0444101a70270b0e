//! What of a new configuration holds only after a restart.

use crate::config::Config;

/// The keys whose new value waits for a restart: what they set was taken or opened at the start.
pub const NEED_RESTART: [&str; 11] = [
    "host",
    "port",
    "server.maxConnections",
    "server.connectTimeoutMs",
    "storage.cacheBytes",
    "logFilePath",
    "logFileMaxBytes",
    "logFileKeep",
    "audit.retentionDays",
    "audit.maxBytes",
    "telemetry.otlpEndpoint",
];

impl Config {
    /// This configuration as it holds in a daemon that was started with `running`, and the keys
    /// whose new values have to wait.
    #[must_use]
    pub fn for_running(mut self, running: &Self) -> (Self, Vec<&'static str>) {
        let [
            host,
            port,
            max_connections,
            connect_timeout,
            cache_bytes,
            log_path,
            log_max_bytes,
            log_keep,
            audit_days,
            audit_bytes,
            collector,
        ] = NEED_RESTART;
        let mut pending = Vec::new();
        let (server, was) = (&mut self.server, &running.server);
        keep(&mut server.host, &was.host, host, &mut pending);
        keep(&mut server.port, &was.port, port, &mut pending);
        let (new, old) = (&mut server.max_connections, &was.max_connections);
        keep(new, old, max_connections, &mut pending);
        let (new, old) = (&mut self.upstream, &running.upstream);
        let (new, old) = (&mut new.connect_timeout, &old.connect_timeout);
        keep(new, old, connect_timeout, &mut pending);
        let (new, old) = (&mut self.storage.cache_bytes, &running.storage.cache_bytes);
        keep(new, old, cache_bytes, &mut pending);
        let (new, old) = (&mut self.log_file, &running.log_file);
        keep(&mut new.path, &old.path, log_path, &mut pending);
        keep(
            &mut new.max_bytes,
            &old.max_bytes,
            log_max_bytes,
            &mut pending,
        );
        keep(&mut new.keep, &old.keep, log_keep, &mut pending);
        let (new, old) = (&mut self.audit, &running.audit);
        keep(&mut new.retention, &old.retention, audit_days, &mut pending);
        keep(
            &mut new.max_bytes,
            &old.max_bytes,
            audit_bytes,
            &mut pending,
        );
        let (new, old) = (&mut self.otlp_endpoint, &running.otlp_endpoint);
        keep(new, old, collector, &mut pending);
        (self, pending)
    }
}

fn keep<T: Clone + PartialEq>(
    new: &mut T,
    running: &T,
    key: &'static str,
    pending: &mut Vec<&'static str>,
) {
    if new != running {
        new.clone_from(running);
        pending.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KEYS;
    use crate::{Environment, FileTrust, parse};

    fn config(text: &str) -> Config {
        let loaded = parse(text, &Environment::default(), &FileTrust::FULL);
        loaded.unwrap().config
    }

    #[test]
    fn a_key_that_needs_a_restart_keeps_its_value_and_is_named_and_the_others_hold_at_once() {
        let changed = [
            r#"{"host": "::1"}"#,
            r#"{"port": 8020}"#,
            r#"{"server": {"maxConnections": 7}}"#,
            r#"{"server": {"connectTimeoutMs": 77}}"#,
            r#"{"storage": {"cacheBytes": 99999}}"#,
            r#"{"logFilePath": "log"}"#,
            r#"{"logFileMaxBytes": 2048}"#,
            r#"{"logFileKeep": 7}"#,
            r#"{"audit": {"retentionDays": 7}}"#,
            r#"{"audit": {"maxBytes": 7}}"#,
            r#"{"telemetry": {"otlpEndpoint": "http://127.0.0.1:4317"}}"#,
        ];
        let running = config("{}");
        for (key, text) in NEED_RESTART.into_iter().zip(changed) {
            let (held, pending) = config(text).for_running(&running);
            assert_eq!((held, pending), (running.clone(), vec![key]));
        }
        let next = config(r#"{"port": 8020, "logLevel": "debug"}"#);
        let (held, pending) = next.for_running(&running);
        assert_eq!(pending, ["port"]);
        assert_eq!(held, config(r#"{"logLevel": "debug"}"#));
    }

    #[test]
    fn every_key_that_needs_a_restart_is_a_key_and_says_so() {
        for name in NEED_RESTART {
            let key = KEYS.iter().find(|key| key.path == name).unwrap();
            assert!(key.meaning.ends_with("After a restart."), "{name}");
        }
    }
}
