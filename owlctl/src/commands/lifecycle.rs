//! The verbs of the daemon's life: `start`, `stop`, `restart`, `drain` and `wait`.

mod start;
mod stop;
mod wait;

use std::time::Duration;

use owlcoda_proto::v1::{StatusRequest, StatusResponse};
use owlcoda_proto::{Client, printable};
use serde::Serialize;

use crate::cli::lifecycle::LifecycleVerb;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Report;

/// Between two looks at a daemon that comes or goes: nothing tells us when it does.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What has become of the daemon.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Outcome {
    /// `running` or `not_running`.
    state: &'static str,
    /// Null where none runs, like what follows it.
    pid: Option<u32>,
    version: Option<String>,
    http_url: Option<String>,
    /// Whether this command made it so.
    has_changed: bool,
    /// Whether calls had to be cut.
    was_cut: bool,
}

impl Outcome {
    fn running(status: &StatusResponse) -> Self {
        Self {
            state: "running",
            pid: Some(status.pid),
            version: Some(status.version.clone()),
            http_url: Some(status.http_url.clone()),
            has_changed: true,
            was_cut: false,
        }
    }

    const fn not_running() -> Self {
        Self {
            state: "not_running",
            pid: None,
            version: None,
            http_url: None,
            has_changed: true,
            was_cut: false,
        }
    }

    fn unchanged(self) -> Self {
        Self {
            has_changed: false,
            ..self
        }
    }

    /// `text` is what a person reads.
    fn report(&self, context: &Context<'_>, text: &str) -> Report {
        let report = Report::data(if context.global.json {
            json("Lifecycle", self)
        } else {
            format!("{text}\n")
        });
        if self.was_cut {
            report
                .and_remark("calls had to be cut, because the grace was over")
                .ending(Exit::Partial)
        } else {
            report
        }
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    verb: &LifecycleVerb,
) -> Result<Report, CommandError> {
    match verb {
        LifecycleVerb::Start(args) => start::run(context, args).await,
        LifecycleVerb::Stop(args) => {
            let grace = if args.now { Some(0) } else { args.grace };
            stop::stop(context, grace).await
        }
        LifecycleVerb::Restart(args) => {
            let grace = if args.now { Some(0) } else { args.grace };
            stop::restart(context, grace).await
        }
        LifecycleVerb::Drain(args) => stop::stop(context, Some(args.grace)).await,
        LifecycleVerb::Wait(args) => wait::run(context, args.awaited).await,
    }
}

/// A connection to the daemon, of whatever version it is; none where no daemon answers.
async fn connected(context: &Context<'_>) -> Result<Option<Client>, CommandError> {
    match context.reach().await {
        Ok(client) => Ok(Some(client)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// `report` with a remark where the daemon is of an older version than this program.
fn with_skew(report: Report, client: &Client) -> Report {
    let skew = client.skew();
    if !skew.is_daemon_older() {
        return report;
    }
    report.and_remark(&printable(&format!("owlctl: {skew}")))
}

async fn status_of(client: &Client) -> Result<StatusResponse, CommandError> {
    Ok(client.daemon().status(StatusRequest {}).await?.into_inner())
}
