//! Keeps what was measured over a restart.

use std::time::Duration;

use owlcoda_pipeline::{Figures, Pipeline};
use owlcoda_store::{Note, Notes};
use owlcoda_supervise::CancellationToken;
use tracing::warn;

/// Between two writes; as much may be lost where the daemon is killed.
const EVERY: Duration = Duration::from_mins(1);

/// What was measured before. Nothing where that cannot be read: it is no reason not to serve.
pub(crate) async fn load(notes: &Notes) -> Figures {
    let bytes = match notes.read(Note::Figures).await {
        Ok(None) => return Figures::default(),
        Ok(Some(bytes)) => bytes,
        Err(error) => {
            warn!(%error, "what was measured before is lost");
            return Figures::default();
        }
    };
    serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        warn!(%error, "what was measured before has an unknown form");
        Figures::default()
    })
}

/// Writes it down again and again, and at the end.
pub(crate) async fn keep(notes: Notes, pipeline: Pipeline, stop: CancellationToken) {
    let mut n_written = pipeline.standing().n_measured();
    let mut is_last = false;
    while !is_last {
        tokio::select! {
            () = stop.cancelled() => is_last = true,
            () = tokio::time::sleep(EVERY) => {}
        }
        let figures = pipeline.standing().figures();
        if figures.n_calls == n_written {
            continue;
        }
        let bytes = serde_json::to_vec(&figures).unwrap_or_default();
        match notes.write(Note::Figures, bytes).await {
            Ok(()) => n_written = figures.n_calls,
            Err(error) => warn!(%error, "what was measured could not be written down"),
        }
    }
}
