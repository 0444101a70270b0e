//! `owlcoda.v1.Config`: the configuration in force, and back to the one before.

use owlcoda_proto::v1::config_server::Config;
use owlcoda_proto::{to_status, v1};
use owlcoda_supervise::{ConfigChange, ConfigValue};
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};
use tracing::info;

use crate::observe::observed;
use crate::peer::Peer;
use crate::{Control, convert};

#[tonic::async_trait]
impl Config for Control {
    async fn get(
        &self,
        request: Request<v1::GetConfigRequest>,
    ) -> Result<Response<v1::GetConfigResponse>, Status> {
        let path = request.into_inner().path;
        observed("Config/Get", async {
            let values = self.host.config_values(&path);
            let values = values.map_err(|words| to_status(ErrorCode::NotFound, words))?;
            Ok(v1::GetConfigResponse {
                generation: self.host.config().generation,
                values: values.into_iter().map(value).collect(),
            })
        })
        .await
    }

    async fn diff(
        &self,
        _: Request<v1::DiffConfigRequest>,
    ) -> Result<Response<v1::DiffConfigResponse>, Status> {
        observed("Config/Diff", async {
            let diff = self.host.config_diff().await.ok_or_else(going)?;
            let config = Some(convert::config_status(&diff.status));
            let answer = v1::DiffConfigResponse {
                config,
                ..v1::DiffConfigResponse::default()
            };
            Ok(match diff.outcome {
                Ok(changes) => v1::DiffConfigResponse {
                    changes: changes.into_iter().map(change).collect(),
                    ..answer
                },
                Err(problems) => v1::DiffConfigResponse {
                    problems: problems.iter().map(convert::config_problem).collect(),
                    ..answer
                },
            })
        })
        .await
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackConfigRequest>,
    ) -> Result<Response<v1::RollbackConfigResponse>, Status> {
        let peer = Peer::of(&request);
        observed("Config/Rollback", async {
            let done = self.host.roll_back().await.ok_or_else(going)?;
            let done = done.map_err(|words| to_status(ErrorCode::Conflict, words))?;
            let (from, to) = (done.from, done.to);
            info!(from, to, ?peer, "asked to roll the configuration back");
            let warnings = done.warnings.iter();
            Ok(v1::RollbackConfigResponse {
                config: Some(convert::config_status(&done.status)),
                from_generation: from,
                to_generation: to,
                warnings: warnings.map(convert::config_problem).collect(),
            })
        })
        .await
    }
}

fn going() -> Status {
    to_status(ErrorCode::ShuttingDown, "the daemon is shutting down")
}

fn value(value: ConfigValue) -> v1::ConfigValue {
    v1::ConfigValue {
        path: value.path,
        json: value.json,
        source: value.source.to_owned(),
        line: value.line.unwrap_or(0),
        variable: value.variable.unwrap_or_default(),
    }
}

fn change(change: ConfigChange) -> v1::ConfigChange {
    v1::ConfigChange {
        path: change.path,
        in_force: change.in_force,
        on_disk: change.on_disk,
        is_hidden: change.is_hidden,
        needs_restart: change.needs_restart,
    }
}
