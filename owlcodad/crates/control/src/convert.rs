//! Our values as the protocol writes them.

use owlcoda_agent::AgentError;
use owlcoda_proto::{to_status, v1};
use owlcoda_store::StoreError;
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
