//! The service manager that started the daemon: what it has passed to us, and what it is told.

use std::time::Duration;

use owlcoda_config::Environment;
use owlcoda_supervise::{Activation, Passed, ServiceManager};

use crate::failure::Failure;

/// What the environment says of the service manager, and the sockets that came with it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) manager: ServiceManager,
    /// How often it wants to hear that we are alive. None: it does not.
    pub(crate) watchdog: Option<Duration>,
    pub(crate) sockets: Activation,
}

impl Service {
    /// Reads what was passed and takes the sockets. Call it before anything else opens a file.
    pub(crate) fn of(environment: &Environment) -> Result<Self, Failure> {
        let text = |name: &str| {
            let value = environment.get(name)?;
            Some(value.to_string_lossy().into_owned())
        };
        let sockets = Activation::take(&Passed {
            pid: text("LISTEN_PID"),
            n_sockets: text("LISTEN_FDS"),
            names: text("LISTEN_FDNAMES"),
        })?;
        let manager = ServiceManager::at(environment.get("NOTIFY_SOCKET"));
        let manager = manager.map_err(|source| Failure::System {
            what: "the socket that NOTIFY_SOCKET names",
            source,
        })?;
        let for_us = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").filter(|_| for_us);
        let watchdog = watchdog.and_then(|micros| micros.parse().ok());
        Ok(Self {
            watchdog: watchdog
                .map(Duration::from_micros)
                .filter(|limit| !limit.is_zero() && manager.is_there()),
            manager,
            sockets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_for_this_process_and_for_a_manager_that_listens() {
        let us = std::process::id().to_string();
        let other = (std::process::id() + 1).to_string();
        let of = |pairs: &[(&str, &str)]| {
            let environment: Environment = pairs.iter().copied().collect();
            Service::of(&environment).unwrap().watchdog
        };
        let socket = ("NOTIFY_SOCKET", "/nowhere/notify");
        let limit = ("WATCHDOG_USEC", "30000000");
        let expected = Some(Duration::from_secs(30));
        assert_eq!(of(&[socket, limit]), expected);
        assert_eq!(of(&[socket, limit, ("WATCHDOG_PID", &us)]), expected);
        assert_eq!(of(&[socket, limit, ("WATCHDOG_PID", &other)]), None);
        assert_eq!(of(&[limit]), None);
        for odd in ["0", "-1", "soon"] {
            assert_eq!(of(&[socket, ("WATCHDOG_USEC", odd)]), None, "{odd}");
        }
    }
}
