//! `owlctl stop`, `drain` and `restart`: the end of the daemon, waited for.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use owlcoda_proto::v1::{StatusResponse, StopRequest};
use owlcoda_proto::{Client, Place, printable};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{LOOK_INTERVAL, Outcome, connected, start, status_of, with_skew};
use crate::cli::lifecycle::StartArgs;
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
    let was_cut = match ask(&client, grace_secs, false).await {
        Err(CommandError::OtherVersion(_)) if context.global.context.is_none() => {
            terminate(&status)?;
            false
        }
        asked => asked?,
    };
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
    let client = context.reach().await?;
    let before = status_of(&client).await?;
    let was_cut = match ask(&client, grace_secs, true).await {
        Err(CommandError::OtherVersion(_)) if context.global.context.is_none() => {
            return replace(context, &before).await;
        }
        asked => asked?,
    };
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
            let report = outcome.report(context, &printable(&text));
            return Ok(if client.skew().is_daemon_older() {
                with_skew(report, &client).and_remark(
                    "  its program was not replaced: `owlctl stop`, then `owlctl start` takes the one beside owlctl",
                )
            } else {
                report
            });
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

/// Ends a daemon so old that it cannot be asked to begin anew, and starts the one beside this program in
/// its place.
async fn replace(context: &Context<'_>, before: &StatusResponse) -> Result<Report, CommandError> {
    terminate(before)?;
    while is_alive(before) {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    // Its own home and file, wherever its socket was found.
    let home = PathBuf::from(&before.home);
    let usual = home.join("config.json");
    let config = Some(PathBuf::from(&before.config_path));
    let place = Place {
        home,
        ..context.place.clone()
    };
    let context = Context { place, ..*context };
    let config = config.filter(|path| *path != usual && !path.as_os_str().is_empty());
    start::run(&context, &StartArgs { config }).await
}

/// Ends the process of the daemon as a service manager would; it ends by its own rules.
fn terminate(status: &StatusResponse) -> Result<(), CommandError> {
    let pid = status.pid;
    let of_system = |errno: Errno| CommandError::Signal {
        pid,
        source: errno.into(),
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or(of_system(Errno::SRCH))?;
    kill_process(process, Signal::TERM).map_err(of_system)
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
