//! Where the daemon listens: at sockets of its own, or at those that the service manager has opened.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use owlcoda_config::{AuthMode, Config};
use owlcoda_control::{Access, ControlSocket};
use owlcoda_gateway::Server;
use owlcoda_supervise::Activation;

use crate::failure::Failure;
use crate::port_holder::PortHolder;

/// Both doors, open.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) server: Server,
    /// Where the HTTP API listens, with the real port.
    pub(crate) address: SocketAddr,
    pub(crate) socket: ControlSocket,
}

impl Doors {
    /// Opens what was not passed to us. `path` is for a control socket of our own.
    pub(crate) async fn open(
        config: &Config,
        passed: Activation,
        path: &Path,
        access: Access,
    ) -> Result<Self, Failure> {
        let max_connections = config.server.max_connections;
        let refused = |source| Failure::System {
            what: "the port",
            source,
        };
        let server = match passed.http {
            Some(socket) => {
                let listener = TcpListener::from(socket);
                let address = listener.local_addr().map_err(refused)?;
                check_reach(config, address)?;
                Server::adopt(listener, max_connections).map_err(refused)?
            }
            None => bind(config, max_connections).await?,
        };
        let socket = match passed.control {
            Some(socket) => ControlSocket::adopt(UnixListener::from(socket), access)?,
            None => ControlSocket::bind(path, access).await?,
        };
        Ok(Self {
            address: server.local_addr().map_err(refused)?,
            server,
            socket,
        })
    }
}

async fn bind(config: &Config, max_connections: usize) -> Result<Server, Failure> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    Server::bind(address, max_connections)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => Failure::PortInUse {
                address,
                holder: PortHolder::find(address),
            },
            _ => Failure::Listen { address, source },
        })
}

/// The rule for `host` holds for a socket that a unit has opened, too: one that other machines reach
/// takes a configuration that says so, and the token.
fn check_reach(config: &Config, address: SocketAddr) -> Result<(), Failure> {
    let needs_token = [config.auth.inference, config.auth.data]
        .iter()
        .all(|mode| *mode == AuthMode::Token);
    if address.ip().is_loopback() || (needs_token && !config.server.host.is_loopback()) {
        return Ok(());
    }
    Err(Failure::PassedRemote { address })
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    #[tokio::test]
    async fn sockets_that_were_passed_are_taken_and_their_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        let http = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = http.local_addr().unwrap();
        let passed = Activation {
            http: Some(OwnedFd::from(http)),
            control: Some(OwnedFd::from(UnixListener::bind(&path).unwrap())),
        };
        let elsewhere = dir.path().join("own/control.sock");
        let config = Config::default();
        let doors = Doors::open(&config, passed, &elsewhere, Access::of_owner()).await;
        let doors = doors.unwrap();
        assert_eq!(doors.address, address);
        assert_eq!(doors.socket.path(), path);
        drop(doors);
        assert!(path.exists() && !elsewhere.exists());
    }

    #[test]
    fn a_passed_socket_that_others_reach_takes_what_a_host_that_others_reach_takes() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 8019));
        let here = SocketAddr::from(([127, 0, 0, 1], 8019));
        let mut config = Config::default();
        config.auth.inference = AuthMode::Token;
        config.auth.data = AuthMode::Token;
        assert!(check_reach(&config, here).is_ok());
        let refused = check_reach(&config, everywhere).unwrap_err();
        assert!(
            refused.to_string().contains("server.allowRemote"),
            "{refused}"
        );
        assert_eq!(refused.exit_status(), 78);
        // Such a `host` passes the check of the configuration with `server.allowRemote` alone.
        config.server.host = everywhere.ip();
        assert!(check_reach(&config, everywhere).is_ok());
        config.auth.data = AuthMode::None;
        assert!(check_reach(&config, everywhere).is_err());
    }
}
