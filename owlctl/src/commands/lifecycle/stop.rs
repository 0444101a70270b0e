//! `owlctl stop`, `drain` and `restart`: the end of the daemon, waited for.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use owlcoda_proto::v1::{StatusResponse, StopRequest};
use owlcoda_proto::{Client, printable};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{LOOK_INTERVAL, Outcome, connected, status_of};
use crate::daemon::Context;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::screen;

/// How long another may take to come after the end of the one before.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the daemon and waits until it is gone; what runs gets `grace_secs`.
pub(super) async fn stop(
    context: &Context<'_>,
    grace_secs: Option<u64>,
) -> Result<Report, CommandError> {
    let Some(client) = connected(context).await? else {
        let outcome = Outcome::not_running().unchanged();
        return Ok(outcome.report(context, "no daemon is running"));
    };
    let status = status_of(&client).await?;
    let was_cut = ask(&client, grace_secs, false).await?;
    drop(client);
    // A socket that a service manager keeps would start it again, so we do not knock.
    while is_there(context, &status).await? {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    let outcome = Outcome {
        was_cut,
        ..Outcome::not_running()
    };
    Ok(outcome.report(context, "stopped"))
}

/// Ends the daemon and waits until the one in its place serves.
pub(super) async fn restart(
    context: &Context<'_>,
    grace_secs: Option<u64>,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let before = status_of(&client).await?;
    let was_cut = ask(&client, grace_secs, true).await?;
    drop(client);
    let mut dead_since = None;
    loop {
        // One that still ends answers, too, or breaks off while it does.
        if let Ok(Some(client)) = connected(context).await
            && let Ok(now) = status_of(&client).await
            && (now.pid, now.started_at_ms) != (before.pid, before.started_at_ms)
        {
            let text = format!(
                "owlcodad {} serves {} (pid {})",
                now.version, now.http_url, now.pid
            );
            let outcome = Outcome {
                was_cut,
                ..Outcome::running(&now)
            };
            return Ok(outcome.report(context, &printable(&text)));
        }
        // A service manager takes a moment to start another.
        if !is_there(context, &before).await?
            && dead_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE
        {
            return Err(CommandError::NotBack);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Asks for the end and follows it until the daemon closes; whether calls had to be cut.
async fn ask(
    client: &Client,
    grace_secs: Option<u64>,
    is_restart: bool,
) -> Result<bool, CommandError> {
    let request = StopRequest {
        grace_ms: grace_secs.map(|secs| secs.saturating_mul(1000)),
        restart: is_restart,
    };
    let mut progress = client.lifecycle().stop(request).await?.into_inner();
    let is_watched = io::stderr().is_terminal();
    let mut n_told = 0;
    // The stream ends with the connection, and so with an error where that was first.
    while let Ok(Some(step)) = progress.message().await {
        if step.phase == "stopping" {
            return Ok(step.was_cut);
        }
        if is_watched && step.n_in_flight != n_told {
            n_told = step.n_in_flight;
            let calls = quantity::of(n_told, "call");
            screen::complain(&format!("draining: {calls} still running"));
        }
    }
    Ok(false)
}

/// Whether the daemon is still there: its process, or on another machine what answers.
async fn is_there(context: &Context<'_>, status: &StatusResponse) -> Result<bool, CommandError> {
    if context.global.context.is_some() {
        return Ok(connected(context).await?.is_some());
    }
    Ok(is_alive(status))
}

/// Whether the process still runs. One of another user, whom we may not ask, does.
fn is_alive(status: &StatusResponse) -> bool {
    // One that has ended stays in the table until who started it has looked.
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", status.pid)).unwrap_or_default();
    let has_ended = stat
        .rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    let pid = i32::try_from(status.pid).ok().and_then(Pid::from_raw);
    !has_ended && pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
