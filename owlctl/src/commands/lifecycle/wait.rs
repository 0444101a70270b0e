//! `owlctl wait`: until the daemon is as it should be.

use owlcoda_proto::Client;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{LOOK_INTERVAL, Outcome, connected, status_of};
use crate::cli::lifecycle::Awaited;
use crate::daemon::Context;
use crate::error::CommandError;
use crate::report::Report;

pub(super) async fn run(context: &Context<'_>, awaited: Awaited) -> Result<Report, CommandError> {
    let mut is_first = true;
    loop {
        let outcome = match (connected(context).await?, awaited) {
            (None, Awaited::Stopped) => Some(Outcome::not_running()),
            (None, _) | (Some(_), Awaited::Stopped) => None,
            // A daemon that goes while it is asked is one that is not there yet.
            (Some(client), _) => holds(&client, awaited).await.unwrap_or_default(),
        };
        if let Some(outcome) = outcome {
            let outcome = Outcome {
                has_changed: !is_first,
                ..outcome
            };
            let text = match awaited {
                Awaited::Ready => "ready".to_owned(),
                Awaited::Idle => "idle".to_owned(),
                Awaited::Stopped => "stopped".to_owned(),
                Awaited::ConfigGeneration(n) => format!("configuration {n} or a later one holds"),
            };
            return Ok(outcome.report(context, &text));
        }
        is_first = false;
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// How the daemon is, once it is as it should be.
async fn holds(client: &Client, awaited: Awaited) -> Result<Option<Outcome>, CommandError> {
    let status = status_of(client).await?;
    let holds = match awaited {
        Awaited::Ready => {
            let mut checks = client.health();
            let check = checks.check(HealthCheckRequest::default()).await?;
            check.into_inner().status() == ServingStatus::Serving
        }
        Awaited::Idle => status
            .traffic
            .as_ref()
            .is_some_and(|traffic| traffic.n_in_flight == 0),
        Awaited::ConfigGeneration(n) => status
            .config
            .as_ref()
            .is_some_and(|config| config.generation >= n),
        Awaited::Stopped => false,
    };
    Ok(holds.then(|| Outcome::running(&status)))
}
