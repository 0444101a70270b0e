//! Collects metrics in this process and renders them for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{metric, series};

/// Upper bounds of duration buckets, in seconds: from a cached answer to a long generation.
const BUCKETS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0,
];

/// Upper bounds of buckets of tokens a second: from a large model in slow memory to a small one in a
/// fast card.
const SPEED_BUCKETS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0, 1000.0,
];

/// The metrics of this process, as text for Prometheus.
#[derive(Clone, Debug)]
pub struct Exposition {
    handle: Option<PrometheusHandle>,
}

impl Exposition {
    /// `Content-Type` of [`Exposition::render`].
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// All metrics in the text format 0.0.4.
    pub fn render(&self) -> String {
        self.handle
            .as_ref()
            .map(PrometheusHandle::render)
            .unwrap_or_default()
    }

    /// Folds in what was collected; call it every [`Exposition::UPKEEP_INTERVAL`].
    pub fn run_upkeep(&self) {
        if let Some(handle) = &self.handle {
            handle.run_upkeep();
        }
    }

    /// How often [`Exposition::run_upkeep`] is due. Without it samples pile up between scrapes.
    pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
}

/// Starts collecting for this process. A second call gets an empty exposition.
pub fn install_recorder() -> Exposition {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(|builder| {
            let speeds = Matcher::Suffix("_per_second".to_owned());
            builder.set_buckets_for_metric(speeds, &SPEED_BUCKETS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .ok();
    if handle.is_some() {
        series::keep_from_now_on();
    }
    metric::describe();
    Exposition { handle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_with_its_help() {
        let exposition = install_recorder();
        metric::UPSTREAM_REQUESTS.add(["local", "small", "ok"], 2);
        metric::OUTPUT_SPEED.record(["local", "small"], 40, Duration::from_secs(1));
        metric::TIME_TO_FIRST_TOKEN.record(["local", "small"], Duration::from_millis(30));
        let text = exposition.render();
        for expected in [
            "# HELP owlcoda_upstream_requests_total Model calls ended, by outcome.",
            r#"owlcoda_upstream_requests_total{endpoint="local",model="small",outcome="ok"} 2"#,
            r#"owlcoda_upstream_output_tokens_per_second_bucket{endpoint="local",model="small",le="30"} 0"#,
            r#"owlcoda_upstream_output_tokens_per_second_bucket{endpoint="local",model="small",le="50"} 1"#,
            r#"owlcoda_upstream_time_to_first_token_seconds_bucket{endpoint="local",model="small",le="0.05"} 1"#,
        ] {
            assert!(text.contains(expected), "{expected} is missing in:\n{text}");
        }
    }
}
