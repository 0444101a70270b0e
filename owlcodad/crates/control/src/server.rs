//! Wires the services together and serves them.

use std::sync::Arc;
use std::time::Duration;

use owlcoda_agent::Agent;
use owlcoda_pipeline::Pipeline;
use owlcoda_proto::MAX_MESSAGE_BYTES;
use owlcoda_proto::v1::access_server::AccessServer;
use owlcoda_proto::v1::audit_server::AuditServer;
use owlcoda_proto::v1::backends_server::BackendsServer;
use owlcoda_proto::v1::backup_server::BackupServer;
use owlcoda_proto::v1::config_server::ConfigServer;
use owlcoda_proto::v1::daemon_server::DaemonServer;
use owlcoda_proto::v1::events_server::EventsServer;
use owlcoda_proto::v1::figures_server::FiguresServer;
use owlcoda_proto::v1::inspect_server::InspectServer;
use owlcoda_proto::v1::lifecycle_server::LifecycleServer;
use owlcoda_proto::v1::logs_server::LogsServer;
use owlcoda_proto::v1::models_server::ModelsServer;
use owlcoda_proto::v1::sessions_server::SessionsServer;
use owlcoda_proto::v1::turns_server::TurnsServer;
use owlcoda_store::Store;
use owlcoda_supervise::{Host, Shutdown};
use owlcoda_telemetry::{Exposition, LogTail};
use owlcoda_types::Clock;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tracing::{debug, error};

use crate::gate::Gate;
use crate::socket::ControlSocket;
use crate::watching::Watching;

/// Name of the gateway in `grpc.health.v1`; the daemon as a whole is "".
const GATEWAY: &str = "owlcoda.gateway";

/// Most calls at a time over one connection.
const MAX_STREAMS: u32 = 128;

/// How long connections may take to close after the daemon stopped. A client that was suspended, or
/// never said a word, takes for ever.
const LAST_FRAMES: Duration = Duration::from_secs(2);

/// What the services have at hand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    /// The daemon as a whole.
    pub host: Arc<dyn Host>,
    /// Models and traffic.
    pub pipeline: Pipeline,
    /// Conversations.
    pub agent: Agent,
    /// The record of calls.
    pub store: Store,
    /// Tells the time of what is asked on behalf of a client.
    pub clock: Arc<dyn Clock>,
    /// The latest log lines.
    pub logs: Arc<LogTail>,
    /// Every metric.
    pub exposition: Exposition,
    /// The clients that watch conversations.
    pub watching: Watching,
    /// The phase that the daemon is in.
    pub shutdown: Shutdown,
}

macro_rules! capped {
    ($server:ident, $control:expr) => {
        $server::new($control.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    };
}

/// Serves the control plane until the daemon stops. Status and streams go on during the drain.
pub async fn serve(socket: ControlSocket, control: Control) {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status(GATEWAY, ServingStatus::Serving)
        .await;
    let shutdown = control.shutdown.clone();
    let services = Server::builder()
        .layer(Gate)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(health)
        .add_service(capped!(AccessServer, control))
        .add_service(capped!(AuditServer, control))
        .add_service(capped!(BackendsServer, control))
        .add_service(capped!(BackupServer, control))
        .add_service(capped!(ConfigServer, control))
        .add_service(capped!(DaemonServer, control))
        .add_service(capped!(EventsServer, control))
        .add_service(capped!(FiguresServer, control))
        .add_service(capped!(InspectServer, control))
        .add_service(capped!(LifecycleServer, control))
        .add_service(capped!(LogsServer, control))
        .add_service(capped!(ModelsServer, control))
        .add_service(capped!(SessionsServer, control))
        .add_service(capped!(TurnsServer, control));
    let stopping = shutdown.stopping().clone();
    let serving =
        services.serve_with_incoming_shutdown(socket.connections(), stopping.cancelled_owned());
    let not_serving = async {
        shutdown.draining().cancelled().await;
        for service in ["", GATEWAY] {
            reporter
                .set_service_status(service, ServingStatus::NotServing)
                .await;
        }
        std::future::pending::<()>().await;
    };
    let cut = async {
        shutdown.stopping().cancelled().await;
        tokio::time::sleep(LAST_FRAMES).await;
    };
    let ended = tokio::select! {
        ended = serving => ended,
        () = not_serving => return,
        () = cut => {
            debug!("left behind control connections that did not close");
            return;
        }
    };
    if let Err(failure) = ended {
        error!(error = %failure, "the control plane ended");
    }
}
