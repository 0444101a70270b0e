//! `owlcoda.v1.Daemon`: who the daemon is and how it is.

use std::collections::BTreeMap;

use owlcoda_proto::v1::daemon_server::Daemon;
use owlcoda_proto::{MIN_PROTOCOL, PROTOCOL, to_status, v1};
use owlcoda_store::Integrity;
use owlcoda_supervise::Phase;
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

#[tonic::async_trait]
impl Daemon for Control {
    async fn get_version(
        &self,
        _: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::GetVersionResponse>, Status> {
        let version = self.host.identity().version.to_owned();
        observed("Daemon/GetVersion", async {
            Ok(v1::GetVersionResponse {
                version,
                protocol: PROTOCOL,
                min_client_protocol: MIN_PROTOCOL,
            })
        })
        .await
    }

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        observed("Daemon/Status", async { Ok(self.describe()) }).await
    }

    async fn reload(
        &self,
        _: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        observed("Daemon/Reload", self.reloaded()).await
    }

    async fn metrics(
        &self,
        _: Request<v1::MetricsRequest>,
    ) -> Result<Response<v1::MetricsResponse>, Status> {
        observed("Daemon/Metrics", async {
            Ok(v1::MetricsResponse {
                text: {
                    self.pipeline.observe();
                    self.exposition.render()
                },
            })
        })
        .await
    }
}

impl Control {
    async fn reloaded(&self) -> Result<v1::ReloadResponse, Status> {
        let going = || to_status(ErrorCode::ShuttingDown, "the daemon is shutting down");
        let reloaded = self.host.reload().await.ok_or_else(going)?;
        let warnings = reloaded.warnings.iter();
        Ok(v1::ReloadResponse {
            outcome: reloaded.outcome.as_str().to_owned(),
            config: Some(convert::config_status(&reloaded.status)),
            warnings: warnings.map(convert::config_problem).collect(),
        })
    }

    fn describe(&self) -> v1::StatusResponse {
        let identity = self.host.identity();
        let config = self.host.config();
        let snapshot = self.pipeline.snapshot();
        let traffic = self.pipeline.standing().traffic();
        let stats = self.store.stats();
        let state = match self.shutdown.phase() {
            Phase::Running => "running",
            Phase::Draining | Phase::Stopping => "draining",
        };
        v1::StatusResponse {
            version: identity.version.to_owned(),
            pid: identity.pid,
            started_at_ms: identity.started_at_ms,
            now_ms: self.clock.now_ms(),
            home: identity.home.display().to_string(),
            http_url: identity.http_url.clone(),
            config_path: config
                .path
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            config: Some(convert::config_status(&config)),
            traffic: Some(v1::Traffic {
                n_calls: traffic.n_calls,
                n_failed: traffic.n_failed,
                n_in_flight: traffic.n_in_flight,
                usage: Some(convert::usage(traffic.usage)),
            }),
            storage: Some(v1::Storage {
                n_audit_records: stats.n_audit_records,
                n_audit_dropped: stats.n_audit_dropped,
                n_sessions: stats.n_sessions,
                size_bytes: stats.size_bytes,
                integrity: match &stats.integrity {
                    Integrity::Ok => "ok".to_owned(),
                    Integrity::Degraded(what) => what.clone(),
                },
                n_outages: stats.n_outages,
                n_audit_segments: stats.n_segments,
                first_audit_seq: stats.first_audit_seq,
            }),
            endpoints: self.endpoints(),
            runtimes: self
                .pipeline
                .snapshot()
                .runtimes
                .status()
                .into_iter()
                .map(convert::runtime)
                .collect(),
            problems: self.host.problems(),
            n_models: u32::try_from(snapshot.registry.models().len()).unwrap_or(u32::MAX),
            default_model: snapshot
                .registry
                .default_model()
                .map(|model| model.id.clone())
                .unwrap_or_default(),
            state: state.to_owned(),
        }
    }

    fn endpoints(&self) -> Vec<v1::Endpoint> {
        let snapshot = self.pipeline.snapshot();
        let mut endpoints: BTreeMap<String, v1::Endpoint> = BTreeMap::new();
        for model in snapshot.registry.models() {
            let id = model.endpoint_id();
            let endpoint = endpoints.entry(id.clone()).or_insert_with(|| {
                let health = self.pipeline.standing().health(&id);
                v1::Endpoint {
                    url: crate::models::url_of(model),
                    source: crate::models::source_of(model).to_owned(),
                    id,
                    ..convert::endpoint_health(health)
                }
            });
            endpoint.n_models += 1;
        }
        endpoints.into_values().collect()
    }
}
