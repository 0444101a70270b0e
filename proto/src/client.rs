//! The way to a running daemon over its Unix socket, with the version handshake.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;

use crate::skew::{Skew, Wire};
use crate::status::Failure;
use crate::v1::access_client::AccessClient;
use crate::v1::audit_client::AuditClient;
use crate::v1::backends_client::BackendsClient;
use crate::v1::backup_client::BackupClient;
use crate::v1::config_client::ConfigClient;
use crate::v1::daemon_client::DaemonClient;
use crate::v1::events_client::EventsClient;
use crate::v1::figures_client::FiguresClient;
use crate::v1::inspect_client::InspectClient;
use crate::v1::lifecycle_client::LifecycleClient;
use crate::v1::logs_client::LogsClient;
use crate::v1::models_client::ModelsClient;
use crate::v1::sessions_client::SessionsClient;
use crate::v1::turns_client::TurnsClient;
use crate::v1::{GetVersionRequest, GetVersionResponse};
use crate::{ErrorCode, MAX_MESSAGE_BYTES};

/// How long a daemon may take to accept and to name its version.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("no daemon is running at `{}`", socket.display())]
    NotRunning {
        /// The socket that was tried.
        socket: PathBuf,
    },
    /// Something is there, but we may not open it.
    #[error("no permission to open `{}`", socket.display())]
    Forbidden {
        /// The socket that was tried.
        socket: PathBuf,
    },
    /// It accepted and then did not answer as a daemon does.
    #[error("the daemon at `{}` does not answer: {}", socket.display(), failure.message)]
    NoAnswer {
        /// The socket that was tried.
        socket: PathBuf,
        /// What came instead.
        failure: Failure,
    },
    /// The daemon is too old for this client.
    #[error("{0}: the daemon is too old for it")]
    DaemonTooOld(Skew),
    /// This client is too old for the daemon.
    #[error("{0}: it is too old for the daemon")]
    ClientTooOld(Skew),
}

impl ConnectError {
    /// Whether a daemon answers that is of too distant a version.
    pub const fn is_skew(&self) -> bool {
        matches!(self, Self::DaemonTooOld(_) | Self::ClientTooOld(_))
    }
}

/// A connection to a daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    wire: Wire,
    version: GetVersionResponse,
}

macro_rules! service {
    ($(#[$doc:meta])* $name:ident: $client:ident) => {
        $(#[$doc])*
        pub fn $name(&self) -> $client<Wire> {
            $client::new(self.wire.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES)
        }
    };
}

impl Client {
    service! {
        /// The calls about who may use the daemon, and who does.
        access: AccessClient
    }
    service! {
        /// The audit's calls.
        audit: AuditClient
    }
    service! {
        /// The model servers' calls.
        backends: BackendsClient
    }
    service! {
        /// The calls that copy what the daemon keeps.
        backup: BackupClient
    }
    service! {
        /// The calls about the configuration in force.
        config: ConfigClient
    }
    service! {
        /// The daemon's own calls.
        daemon: DaemonClient
    }
    service! {
        /// The calls that follow a conversation.
        events: EventsClient
    }
    service! {
        /// The calls that read what was measured.
        figures: FiguresClient
    }
    service! {
        /// The calls that look into single calls of models.
        inspect: InspectClient
    }
    service! {
        /// The calls that end the daemon.
        lifecycle: LifecycleClient
    }
    service! {
        /// The calls that read the log.
        logs: LogsClient
    }
    service! {
        /// The models' calls.
        models: ModelsClient
    }
    service! {
        /// The conversations' calls.
        sessions: SessionsClient
    }
    service! {
        /// The turns' calls.
        turns: TurnsClient
    }

    /// `grpc.health.v1` of the daemon.
    pub fn health(&self) -> tonic_health::pb::health_client::HealthClient<Wire> {
        tonic_health::pb::health_client::HealthClient::new(self.wire.clone())
    }

    /// What the daemon said of itself in the handshake.
    pub const fn version(&self) -> &GetVersionResponse {
        &self.version
    }

    /// The daemon's build beside ours.
    pub fn skew(&self) -> Skew {
        Skew::with(&self.version)
    }

    /// Refuses a daemon of too distant a version.
    pub fn agreed(self) -> Result<Self, ConnectError> {
        let skew = self.skew();
        if skew.is_daemon_too_old() {
            return Err(ConnectError::DaemonTooOld(skew));
        }
        if skew.is_client_too_old() {
            return Err(ConnectError::ClientTooOld(skew));
        }
        Ok(self)
    }
}

/// Connects to the daemon behind `socket` and checks that both sides speak the same protocol.
pub async fn connect(socket: &Path) -> Result<Client, ConnectError> {
    reach(socket).await?.agreed()
}

/// Connects to the daemon behind `socket`, of whatever version it is: what every version can do, such as
/// to end, is to work with all.
pub async fn reach(socket: &Path) -> Result<Client, ConnectError> {
    // The channel hides the reason why a socket cannot be opened, so we ask first.
    match tokio::time::timeout(HANDSHAKE, UnixStream::connect(socket)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(ConnectError::Forbidden {
                socket: socket.to_path_buf(),
            });
        }
        Ok(Err(_)) | Err(_) => {
            return Err(ConnectError::NotRunning {
                socket: socket.to_path_buf(),
            });
        }
    }
    let no_answer = |failure| ConnectError::NoAnswer {
        socket: socket.to_path_buf(),
        failure,
    };
    let path = socket.to_path_buf();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The URI is never resolved; the connector above opens the socket.
    let channel = Endpoint::from_static("http://owlcodad.invalid")
        .connect_timeout(HANDSHAKE)
        .connect_with_connector_lazy(connector);
    let mut daemon = DaemonClient::new(channel.clone());
    let ask = tokio::time::timeout(HANDSHAKE, daemon.get_version(GetVersionRequest {}));
    let version = match ask.await {
        Ok(Ok(version)) => version.into_inner(),
        Ok(Err(status)) => return Err(no_answer(Failure::from(status))),
        Err(_) => {
            let message = format!("nothing came within {} s", HANDSHAKE.as_secs());
            return Err(no_answer(Failure {
                code: ErrorCode::Timeout,
                message,
            }));
        }
    };
    let wire = Wire::new(channel, Skew::with(&version));
    Ok(Client { wire, version })
}
