//! What a daemon that runs says of itself, beside what can be seen without one.
//!
//! It is asked over its control socket, and all of it within a few seconds. Where nobody answers, one row
//! says that this part was not looked at, and why.

mod own;
mod program;

use std::time::Duration;

use owlcoda_proto::v1::{
    Backend, ConfigStatus, ListBackendsRequest, MetricsRequest, StatusRequest, StatusResponse,
};
use owlcoda_proto::{Client, ConnectError, Failure, Place, reach};
use owlcoda_types::{Clock as _, SystemClock, printable};

use super::Check;

/// How long the daemon may take for all its answers.
const ASK: Duration = Duration::from_secs(5);

/// What the daemon said of itself.
#[derive(Debug, Default)]
pub(super) struct Live {
    status: StatusResponse,
    config: ConfigStatus,
    backends: Vec<Backend>,
    /// As Prometheus scrapes them.
    metrics: String,
    /// How far the daemon's clock is before ours, in milliseconds. None: it does not tell.
    clock_ms: Option<i64>,
}

/// Why it said nothing.
#[derive(Debug)]
enum Silence {
    Connect(ConnectError),
    Refused(Failure),
    Late,
}

/// Everything that only a daemon that runs can tell. `asked_by` is the version of the program that
/// passes the list on to a person, if it is not this one.
pub(super) async fn look(
    place: &Place,
    max_connections: Option<usize>,
    asked_by: Option<&str>,
) -> Vec<Check> {
    let (reached, asked) = match reach(&place.socket).await {
        Ok(client) => {
            let reached = program::Reached {
                version: client.version().version.clone(),
                skew: client.skew(),
                is_refused: client.clone().agreed().is_err(),
            };
            let asked = match client.agreed() {
                Ok(client) => tokio::time::timeout(ASK, ask(&client)).await,
                Err(error) => Ok(Err(Silence::Connect(error))),
            };
            (Some(reached), asked.unwrap_or(Err(Silence::Late)))
        }
        Err(error) => (None, Err(Silence::Connect(error))),
    };
    let pid = asked.as_ref().ok().map(|live| live.status.pid);
    let version = program::version(reached.as_ref(), pid, asked_by);
    let live = match asked {
        Ok(live) => live,
        Err(silence) => return vec![silence.check(place), version],
    };
    let mut checks = vec![
        own::answers(&live),
        version,
        own::readiness(&live),
        own::gateway(&live).await,
    ];
    checks.extend(own::backends(&live));
    checks.push(own::in_force(&live));
    checks.push(own::config_watch(&live));
    checks.push(own::records(&live));
    checks.push(own::storage(&live, place));
    checks.push(program::open_files(&live, max_connections));
    checks.push(program::clock(&live));
    checks
}

async fn ask(client: &Client) -> Result<Live, Silence> {
    let mut daemon = client.daemon();
    let refused = |status| Silence::Refused(Failure::from(status));
    let before_ms = SystemClock.now_ms();
    let status = daemon.status(StatusRequest {}).await.map_err(refused)?;
    let after_ms = SystemClock.now_ms();
    let status = status.into_inner();
    let metrics = daemon.metrics(MetricsRequest {}).await.map_err(refused)?;
    let backends = client.backends().list(ListBackendsRequest {}).await;
    let backends = backends.map_err(refused)?;
    let between_ms = before_ms.midpoint(after_ms);
    Ok(Live {
        clock_ms: (status.now_ms != 0).then(|| status.now_ms.saturating_sub(between_ms)),
        config: status.config.clone().unwrap_or_default(),
        status,
        backends: backends.into_inner().backends,
        metrics: metrics.into_inner().text,
    })
}

impl Silence {
    fn check(&self, place: &Place) -> Check {
        let id = "live";
        let socket = place.socket.display();
        match self {
            Self::Connect(ConnectError::NotRunning { .. }) => Check::skip(
                id,
                format!(
                    "not looked at, because no daemon answers on {socket}: what only a daemon that runs \
                     can tell (`owlctl start`, then once more)"
                ),
            ),
            Self::Connect(ConnectError::Forbidden { .. }) => Check::skip(
                id,
                format!("not looked at, because you may not open {socket}: run this as its owner"),
            ),
            Self::Connect(error @ ConnectError::ClientTooOld { .. }) => Check::fail(
                id,
                error.to_string(),
                "install owlcodad and owlctl of one version",
            ),
            Self::Connect(error) => Check::fail(
                id,
                printable(&error.to_string()),
                "owlctl restart; if it stays so: owlctl logs, and kill it",
            ),
            Self::Refused(failure) => Check::fail(
                id,
                format!(
                    "the daemon on {socket} answers: {}",
                    printable(&failure.message)
                ),
                "owlctl logs --level warn",
            ),
            Self::Late => Check::fail(
                id,
                format!(
                    "the daemon on {socket} did not answer within {} s",
                    ASK.as_secs()
                ),
                "owlctl status; if it stays so: owlctl restart",
            ),
        }
    }
}
