//! `owlcoda.v1.Models`: what can be asked for.

use owlcoda_config::ModelTarget;
use owlcoda_models::Model;
use owlcoda_pipeline::{Failure, ModelProbe, Question};
use owlcoda_proto::v1::models_server::Models;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

/// Longest prompt of a probe.
const MAX_PROMPT_BYTES: usize = 64 << 10;

/// Longest answer to a probe, in tokens.
const MAX_PROBE_TOKENS: u32 = 4096;

#[tonic::async_trait]
impl Models for Control {
    async fn list(
        &self,
        _: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        let snapshot = self.pipeline.snapshot();
        let registry = &snapshot.registry;
        let default = registry.default_model().map(|model| model.id.as_str());
        observed("Models/List", async {
            let convert = |model: &std::sync::Arc<Model>| v1::Model {
                id: model.id.clone(),
                label: model.label.clone(),
                aliases: model.aliases.clone(),
                tier: model.tier.clone(),
                is_default: default == Some(&model.id),
                backend_model: model.backend_model.clone(),
                endpoint_id: model.endpoint_id(),
                endpoint_url: url_of(model),
                source: source_of(model).to_owned(),
                context_window_tokens: model.context_window.map_or(0, u64::from),
                server: model.server.as_str().to_owned(),
                context_window_source: model.context_source.as_str().to_owned(),
                parameter_size: model.parameter_size.clone().unwrap_or_default(),
                quantization: model.quantization.clone().unwrap_or_default(),
            };
            let models: Vec<_> = registry.models().iter().map(convert).collect();
            let hint = if models.is_empty() {
                registry.no_models().to_string()
            } else {
                String::new()
            };
            Ok(v1::ListModelsResponse {
                models,
                hint,
                quirks_version: owlcoda_pipeline::QUIRKS_VERSION,
            })
        })
        .await
    }

    async fn probe(
        &self,
        request: Request<v1::ProbeModelRequest>,
    ) -> Result<Response<v1::ProbeModelResponse>, Status> {
        let request = request.into_inner();
        observed("Models/Probe", async {
            let question = question(&request)?;
            let name = &request.model;
            let probe = self
                .pipeline
                .probe_model(name, &question, &*self.clock)
                .await;
            let probe = probe.map_err(|error| to_status(error.code(), error.to_string()))?;
            Ok(probed(probe))
        })
        .await
    }
}

/// What is to be asked.
fn question(request: &v1::ProbeModelRequest) -> Result<Question, Status> {
    let v1::ProbeModelRequest {
        prompt, max_tokens, ..
    } = request;
    if prompt.len() > MAX_PROMPT_BYTES || *max_tokens > MAX_PROBE_TOKENS {
        let words = format!(
            "a prompt of {} KiB and {MAX_PROBE_TOKENS} tokens are the most",
            MAX_PROMPT_BYTES >> 10
        );
        return Err(to_status(ErrorCode::InvalidRequest, words));
    }
    let mut question = Question::default();
    if !prompt.is_empty() {
        question.prompt.clone_from(prompt);
    }
    if *max_tokens > 0 {
        question.max_tokens = *max_tokens;
    }
    Ok(question)
}

fn probed(probe: ModelProbe) -> v1::ProbeModelResponse {
    let failure = probe.failure.as_ref();
    let kind = failure.and_then(Failure::kind);
    v1::ProbeModelResponse {
        model_id: probe.model,
        endpoint_id: probe.endpoint,
        request_id: probe.request.to_string(),
        is_ok: failure.is_none(),
        ttft_ms: probe.first_event.map(convert::millis),
        elapsed_ms: convert::millis(probe.total),
        usage: Some(convert::usage(probe.usage)),
        error_code: failure.map_or_else(String::new, |failure| failure.code().as_str().to_owned()),
        failure_kind: kind.map_or_else(String::new, |kind| kind.as_str().to_owned()),
        message: failure.map_or_else(String::new, |failure| convert::chain(failure)),
    }
}

/// Where a model is served; empty for a server of ours, whose port changes with each start.
pub(crate) fn url_of(model: &Model) -> String {
    match &model.target {
        ModelTarget::Endpoint(url) => url.to_string(),
        ModelTarget::Runtime(_) => String::new(),
    }
}

pub(crate) fn source_of(model: &Model) -> &'static str {
    match model.target {
        ModelTarget::Runtime(_) => "managed",
        ModelTarget::Endpoint(_) => model.source.as_str(),
    }
}
