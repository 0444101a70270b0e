//! `owlcoda.v1.Figures`: what was measured, what it cost, and what follows from it.

use owlcoda_models::intent::Intent;
use owlcoda_models::recommend::Recommended;
use owlcoda_pipeline::{Budget, MAX_SAMPLES, ModelCost, ModelPerf, RouteLatency};
use owlcoda_proto::v1::figures_server::Figures;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::{ErrorCode, clip, printable};
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

#[tonic::async_trait]
impl Figures for Control {
    async fn get_usage(
        &self,
        _: Request<v1::GetUsageRequest>,
    ) -> Result<Response<v1::GetUsageResponse>, Status> {
        observed("Figures/GetUsage", async {
            let report = self.pipeline.usage(self.host.identity().started_at_ms);
            Ok(v1::GetUsageResponse {
                usage: Some(convert::usage(report.usage)),
                n_calls: report.n_calls,
                since_ms: report.since_ms,
            })
        })
        .await
    }

    async fn get_perf(
        &self,
        _: Request<v1::GetPerfRequest>,
    ) -> Result<Response<v1::GetPerfResponse>, Status> {
        observed("Figures/GetPerf", async {
            let report = self.pipeline.perf();
            Ok(v1::GetPerfResponse {
                models: report.models.into_iter().map(perf).collect(),
                target_percent: report.target_percent,
                window_calls: report.window_calls,
                budget: Some(budget(report.budget)),
            })
        })
        .await
    }

    async fn get_latency(
        &self,
        _: Request<v1::GetLatencyRequest>,
    ) -> Result<Response<v1::GetLatencyResponse>, Status> {
        observed("Figures/GetLatency", async {
            Ok(v1::GetLatencyResponse {
                routes: self.pipeline.latency().into_iter().map(latency).collect(),
                window: u32::try_from(MAX_SAMPLES).unwrap_or(u32::MAX),
            })
        })
        .await
    }

    async fn get_cost(
        &self,
        _: Request<v1::GetCostRequest>,
    ) -> Result<Response<v1::GetCostResponse>, Status> {
        observed("Figures/GetCost", async {
            let report = self.pipeline.cost();
            Ok(v1::GetCostResponse {
                currency: report.currency,
                models: report.models.into_iter().map(cost).collect(),
                total: report.total,
                usage: Some(convert::usage(report.usage)),
                n_calls: report.n_calls,
                since_ms: report.since_ms,
            })
        })
        .await
    }

    async fn get_cache(
        &self,
        _: Request<v1::GetCacheRequest>,
    ) -> Result<Response<v1::GetCacheResponse>, Status> {
        observed("Figures/GetCache", async {
            let stats = self.pipeline.standing().cache_stats();
            Ok(v1::GetCacheResponse {
                is_enabled: stats.config.is_enabled,
                n_entries: stats.n_entries as u64,
                max_entries: stats.config.max_entries as u64,
                n_bytes: stats.n_bytes as u64,
                max_bytes: stats.config.max_bytes as u64,
                ttl_ms: convert::millis(stats.config.ttl),
                n_hits: stats.n_hits,
                n_misses: stats.n_misses,
                hit_rate: stats.hit_rate(),
            })
        })
        .await
    }

    async fn clear_cache(
        &self,
        _: Request<v1::ClearCacheRequest>,
    ) -> Result<Response<v1::ClearCacheResponse>, Status> {
        observed("Figures/ClearCache", async {
            let n_cleared = self.pipeline.standing().clear_cache() as u64;
            Ok(v1::ClearCacheResponse { n_cleared })
        })
        .await
    }

    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        let name = request.into_inner().intent;
        observed("Figures/Recommend", async {
            let found = self.pipeline.recommend(intent(&name)?);
            let found = found.map_err(|error| to_status(error.code(), error.to_string()))?;
            Ok(v1::RecommendResponse {
                intent: found.intent.as_str().to_owned(),
                best: Some(recommended(found.best)),
                alternatives: found.alternatives.into_iter().map(recommended).collect(),
            })
        })
        .await
    }
}

fn intent(name: &str) -> Result<Intent, Status> {
    if name.is_empty() {
        return Ok(Intent::General);
    }
    Intent::parse(name).ok_or_else(|| {
        let known = Intent::ALL.map(Intent::as_str).join(", ");
        let name = clip(&printable(name), 40).into_owned();
        let words = format!("there is no intent `{name}`; there is {known}");
        to_status(ErrorCode::InvalidRequest, words)
    })
}

fn recommended(found: Recommended) -> v1::Recommended {
    v1::Recommended {
        model_id: found.model,
        score: found.score.into(),
        reasons: found.reasons,
    }
}

fn perf(perf: ModelPerf) -> v1::ModelPerf {
    v1::ModelPerf {
        model_id: perf.model,
        n_calls: perf.n_calls,
        success_rate: perf.success_rate,
        budget: Some(budget(perf.budget)),
        mean_ms: perf.mean_ms,
        p50_ms: perf.p50_ms,
        p95_ms: perf.p95_ms,
        mean_ttft_ms: perf.mean_ttft_ms,
        p50_ttft_ms: perf.p50_ttft_ms,
        tokens_per_sec: perf.tokens_per_sec,
        prefill_tokens_per_sec: perf.prefill_tokens_per_sec,
        decode_tokens_per_sec: perf.decode_tokens_per_sec,
        usage: Some(convert::usage(perf.usage)),
        first_ms: perf.first_ms,
        last_ms: perf.last_ms,
    }
}

fn budget(budget: Budget) -> v1::ErrorBudget {
    v1::ErrorBudget {
        n_calls: budget.n_calls,
        n_failed: budget.n_failed,
        success_rate: budget.success_rate,
        used: budget.used,
        left: budget.left(),
        is_spent: budget.is_spent,
    }
}

fn latency(latency: RouteLatency) -> v1::RouteLatency {
    let millis = latency.millis;
    v1::RouteLatency {
        route: latency.route,
        n_calls: latency.n_calls,
        min_ms: millis.min,
        max_ms: millis.max,
        mean_ms: millis.mean,
        p50_ms: millis.p50,
        p90_ms: millis.p90,
        p95_ms: millis.p95,
        p99_ms: millis.p99,
    }
}

fn cost(cost: ModelCost) -> v1::ModelCost {
    let rate = cost.rate;
    v1::ModelCost {
        model_id: cost.model,
        usage: Some(convert::usage(cost.usage)),
        n_calls: cost.n_calls,
        cost: cost.cost,
        source: rate.map_or_else(String::new, |rate| rate.source.as_str().to_owned()),
        input_per_million: rate.map(|rate| rate.input),
        output_per_million: rate.map(|rate| rate.output),
        tokens_per_sec: cost.tokens_per_sec,
    }
}
