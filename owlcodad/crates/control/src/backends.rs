//! `owlcoda.v1.Backends`: the model servers.

use owlcoda_models::policy::BreakerState;
use owlcoda_pipeline::{Endpoint, Served};
use owlcoda_proto::v1::backends_server::Backends;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

#[tonic::async_trait]
impl Backends for Control {
    async fn list(
        &self,
        _: Request<v1::ListBackendsRequest>,
    ) -> Result<Response<v1::ListBackendsResponse>, Status> {
        observed("Backends/List", async {
            // As the HTTP route does: of which nothing was heard for long is asked first.
            self.pipeline.probe_due(&*self.clock).await;
            let endpoints = self.pipeline.endpoints().into_iter();
            Ok(v1::ListBackendsResponse {
                backends: endpoints.map(backend).collect(),
            })
        })
        .await
    }

    async fn probe(
        &self,
        request: Request<v1::ProbeBackendRequest>,
    ) -> Result<Response<v1::ProbeBackendResponse>, Status> {
        let id = request.into_inner().id;
        observed("Backends/Probe", async {
            let verdict = self.pipeline.probe_endpoint(&id, &*self.clock).await;
            let verdict = verdict.map_err(|error| to_status(error.code(), error.to_string()))?;
            Ok(v1::ProbeBackendResponse {
                state: state(Some(verdict.is_up)).to_owned(),
                detail: verdict.detail,
                latency_ms: convert::millis(verdict.latency),
                id,
            })
        })
        .await
    }

    async fn reset_breaker(
        &self,
        request: Request<v1::ResetBreakerRequest>,
    ) -> Result<Response<v1::ResetBreakerResponse>, Status> {
        let id = request.into_inner().id;
        observed("Backends/ResetBreaker", async {
            let reset = self.pipeline.reset_breakers(&id);
            let reset = reset.map_err(|error| to_status(ErrorCode::NotFound, error.to_string()))?;
            let models = reset.into_iter();
            let models = models.map(|(id, before): (String, BreakerState)| v1::BackendModel {
                id,
                breaker: before.as_str().to_owned(),
                ..v1::BackendModel::default()
            });
            Ok(v1::ResetBreakerResponse {
                models: models.collect(),
            })
        })
        .await
    }
}

const fn state(is_up: Option<bool>) -> &'static str {
    match is_up {
        Some(true) => "up",
        Some(false) => "down",
        None => "unknown",
    }
}

fn backend(endpoint: Endpoint) -> v1::Backend {
    let health = endpoint.health.as_ref();
    let latency = health.and_then(|health| health.latency);
    v1::Backend {
        server: endpoint.server.as_str().to_owned(),
        url: endpoint.url.map_or_else(String::new, |url| url.to_string()),
        state: state(endpoint.is_up).to_owned(),
        detail: health.map_or_else(String::new, |health| health.detail.clone()),
        since_ms: health.map_or(0, |health| health.since_ms),
        latency_ms: latency.map(convert::millis),
        models: endpoint.models.iter().map(model).collect(),
        id: endpoint.id,
    }
}

fn model(served: &Served) -> v1::BackendModel {
    let breaker = served.breaker;
    v1::BackendModel {
        id: served.model.id.clone(),
        breaker: breaker.state.as_str().to_owned(),
        n_failures: breaker.n_failures,
        retry_in_ms: breaker.retry_in.map(convert::millis),
        is_loaded: served.model.is_loaded,
    }
}
