//! `owlctl status -w`: the status again and again, on a terminal in place, else a line for each change.

use std::io::{self, IsTerminal as _};

use jiff::Zoned;
use owlcoda_proto::printable;
use owlcoda_proto::v1::StatusResponse;

use super::{Seen, look, render};
use crate::colour::Colours;
use crate::daemon::Context;
use crate::error::CommandError;
use crate::live::{INTERVAL, LiveScreen};
use crate::quantity;
use crate::report::Report;
use crate::screen;

/// Goes on until Ctrl-C, or until nobody reads any more; also while no daemon runs.
pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    if io::stdout().is_terminal() && !context.global.json {
        if let Some(screen) = LiveScreen::enter(Colours::of_process(context.global)) {
            loop {
                let seen = look_on(context).await?;
                if !screen.draw(&render(context, &seen)) {
                    break;
                }
                tokio::time::sleep(INTERVAL).await;
            }
        }
        return Ok(Report::data(String::new()));
    }
    let mut last = None;
    loop {
        let seen = look_on(context).await?;
        let state = state(&seen);
        if last.as_ref() != Some(&state) {
            let text = if context.global.json {
                render(context, &seen)
            } else {
                format!("{}  {state}\n", Zoned::now().strftime("%Y-%m-%d %H:%M:%S"))
            };
            if !screen::print(&text) {
                return Ok(Report::data(String::new()));
            }
            last = Some(state);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// One look, for which a daemon that goes while it is asked is gone.
async fn look_on(context: &Context<'_>) -> Result<Seen, CommandError> {
    match look(context).await {
        Err(error) if error.is_absence() => Ok(Seen::NotRunning(error)),
        other => other,
    }
}

/// What counts as a change: everything but what every call changes.
fn state(seen: &Seen) -> String {
    let Seen::Running { status, .. } = seen else {
        return "not running".to_owned();
    };
    let StatusResponse { version, pid, .. } = &**status;
    let generation = status.config.as_ref().map_or(0, |config| config.generation);
    let mut state = format!(
        "{}  owlcodad {}  pid {pid}  configuration {generation}  {}",
        printable(&status.state),
        printable(version),
        quantity::of(status.n_models.into(), "model"),
    );
    let endpoints = status.endpoints.iter();
    for (id, endpoint) in endpoints.map(|endpoint| (&endpoint.id, &endpoint.state)) {
        for part in ["  ", &*printable(id), " ", &*printable(endpoint)] {
            state.push_str(part);
        }
    }
    for problem in &status.problems {
        for part in ["  ! ", &*printable(problem)] {
            state.push_str(part);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::Skew;
    use owlcoda_proto::v1::{Endpoint, GetVersionResponse, Traffic};

    use super::*;

    #[test]
    fn a_call_is_no_change_and_an_endpoint_that_goes_down_is_one() {
        let endpoint = |state: &str| Endpoint {
            id: "vllm".to_owned(),
            state: state.to_owned(),
            ..Endpoint::default()
        };
        let at = |n_calls, endpoint_state: &str| Seen::Running {
            status: Box::new(StatusResponse {
                version: "0.1.0".to_owned(),
                state: "running".to_owned(),
                pid: 7,
                n_models: 1,
                endpoints: vec![endpoint(endpoint_state)],
                traffic: Some(Traffic {
                    n_calls,
                    ..Traffic::default()
                }),
                ..StatusResponse::default()
            }),
            hint: None,
            skew: Skew::with(&GetVersionResponse::default()),
        };
        let up = state(&at(1, "up"));
        assert_eq!(
            up,
            "running  owlcodad 0.1.0  pid 7  configuration 0  1 model  vllm up"
        );
        assert_eq!(state(&at(2, "up")), up);
        assert_ne!(state(&at(2, "down")), up);
    }
}
