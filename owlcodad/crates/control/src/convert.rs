//! Our values as the protocol writes them.

use std::time::Duration;

use owlcoda_agent::AgentError;
use owlcoda_pipeline::EndpointHealth;
use owlcoda_proto::{to_status, v1};
use owlcoda_store::StoreError;
use owlcoda_supervise::{ConfigProblem, ConfigStatus};
use owlcoda_types::Usage;
use owlcoda_upstream::managed;
use tonic::Status;

pub(crate) fn usage(usage: Usage) -> v1::Usage {
    v1::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_tokens: usage.cache_read_tokens,
        cache_write_tokens: usage.cache_write_tokens,
    }
}

pub(crate) fn agent_error(error: &AgentError) -> Status {
    to_status(error.code(), chain(error))
}

pub(crate) fn store_error(error: &StoreError) -> Status {
    to_status(error.code(), chain(error))
}

/// Whole milliseconds, rounded up, so that nothing seems to have taken no time.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// An endpoint of which only the health is filled in.
pub(crate) fn endpoint_health(health: Option<EndpointHealth>) -> v1::Endpoint {
    let Some(health) = health else {
        return v1::Endpoint {
            state: "unknown".to_owned(),
            ..v1::Endpoint::default()
        };
    };
    let state = if health.is_up { "up" } else { "down" };
    v1::Endpoint {
        state: state.to_owned(),
        detail: health.detail,
        since_ms: health.since_ms,
        heard_at_ms: health.heard_at_ms,
        heard_by: health.heard_by.as_str().to_owned(),
        latency_ms: health.latency.map(millis),
        ..v1::Endpoint::default()
    }
}

pub(crate) fn runtime(status: managed::Status) -> v1::ManagedRuntime {
    use managed::State;
    let (state, pid, port, detail) = match status.state {
        State::Stopped => ("stopped", 0, 0, String::new()),
        State::Starting { pid, port } => ("starting", pid, port, String::new()),
        State::Ready { pid, port } => ("ready", pid, port, String::new()),
        State::Failed { detail } => ("failed", 0, 0, detail),
    };
    v1::ManagedRuntime {
        name: status.name,
        state: state.to_owned(),
        pid,
        port: u32::from(port),
        log_path: status.log.display().to_string(),
        detail,
    }
}

pub(crate) fn config_status(status: &ConfigStatus) -> v1::ConfigStatus {
    let path = status.path.as_ref();
    let rejected = status.rejected.as_ref();
    let problems = rejected.map_or(&[][..], |rejected| &rejected.problems);
    v1::ConfigStatus {
        path: path.map_or_else(String::new, |path| path.display().to_string()),
        generation: status.generation,
        sha256: status.sha256.clone(),
        loaded_at_ms: status.loaded_at_ms,
        pending_restart: status
            .pending_restart
            .iter()
            .map(|&key| key.to_owned())
            .collect(),
        rejected_at_ms: rejected.map_or(0, |rejected| rejected.at_ms),
        problems: problems.iter().map(config_problem).collect(),
        watch_mode: status.watch_mode.as_str().to_owned(),
        sources: status
            .sources
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        previous_generation: status.previous_generation.unwrap_or(0),
        rolled_back_from: status.rolled_back_from.unwrap_or(0),
    }
}

pub(crate) fn config_problem(problem: &ConfigProblem) -> v1::ConfigProblem {
    let severity = if problem.is_warning {
        "warning"
    } else {
        "error"
    };
    v1::ConfigProblem {
        severity: severity.to_owned(),
        code: problem.code.clone(),
        file: problem.file.clone(),
        line: problem.line.unwrap_or(0),
        column: problem.column.unwrap_or(0),
        path: problem.path.clone(),
        message: problem.message.clone(),
    }
}

/// An error with its causes, for a person.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
