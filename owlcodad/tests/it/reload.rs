//! A new configuration while the daemon runs: it holds whole or not at all, and nobody who calls
//! meanwhile notices more than that.

mod effects;
mod files;
mod storm;

use owlcoda_proto::v1::{ReloadRequest, ReloadResponse, StatusRequest, StatusResponse};
use owlcoda_testkit::{TestDaemon, http};
use serde_json::Value;

use crate::world::until;

/// Asks for a reload and waits for the verdict.
async fn reload(daemon: &TestDaemon) -> ReloadResponse {
    let client = owlcoda_proto::connect(daemon.socket()).await.unwrap();
    let answer = client.daemon().reload(ReloadRequest {}).await;
    answer.unwrap().into_inner()
}

/// Writes `config` and waits until it is in force.
pub(crate) async fn apply(daemon: &TestDaemon, config: Value) -> ReloadResponse {
    daemon.write_config(config);
    let answer = reload(daemon).await;
    // The daemon may have noticed by itself before it was asked.
    assert_ne!(answer.outcome, "rejected", "{answer:?}");
    answer
}

async fn status(daemon: &TestDaemon) -> StatusResponse {
    let client = owlcoda_proto::connect(daemon.socket()).await.unwrap();
    let answer = client.daemon().status(StatusRequest {}).await;
    answer.unwrap().into_inner()
}

/// The ids of the models that can be asked for.
async fn models(daemon: &TestDaemon) -> Vec<String> {
    let list = http::get(&format!("{}/v1/models", daemon.url())).await;
    let list = list.json();
    let models = list["data"].as_array().unwrap().iter();
    models
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until the daemon has noticed by itself that the models are these.
async fn until_models(daemon: &TestDaemon, expected: &[&str]) {
    until(&format!("the models {expected:?}"), async || {
        (models(daemon).await == expected).then_some(())
    })
    .await;
}

/// Waits until the daemon has noticed by itself that the files cannot be used; the code of the first
/// problem.
async fn until_rejected(daemon: &TestDaemon) -> String {
    until("the rejection", async || {
        let config = status(daemon).await.config.unwrap();
        config.problems.first().map(|problem| problem.code.clone())
    })
    .await
}
