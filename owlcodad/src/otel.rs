//! Tells an OpenTelemetry collector of calls that have ended: one span and three histograms, under the
//! names of the conventions for generative AI (in development, as of their own repository). In a build
//! with the feature `otel`, and where `telemetry.otlpEndpoint` names a collector.
//!
//! It is told what a record of the audit holds, and nothing of what was said. The crates below export in
//! threads of their own; what they cannot keep up with is lost and holds nobody up.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::metrics::{Histogram, MeterProvider as _};
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use owlcoda_config::EndpointUrl;
use owlcoda_pipeline::{Outcome, Settled};
use owlcoda_wire::fault::Dialect;
use tracing::warn;

/// How long the last export may take when the daemon ends.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// Bounds of durations in seconds, as the conventions have them.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// Bounds of counts of tokens, as the conventions have them: powers of four.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The way to a collector. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
    tracer: SdkTracer,
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    tokens: Histogram<u64>,
}

impl Exporter {
    /// Begins to export to the collector at `endpoint`; none where none is named. To be called within
    /// the runtime.
    pub(crate) fn start(endpoint: Option<&EndpointUrl>) -> Result<Option<Self>, std::io::Error> {
        let Some(endpoint) = endpoint else {
            return Ok(None);
        };
        let address = endpoint.root();
        let spans = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&address)
            .build()
            .map_err(std::io::Error::other)?;
        let metrics = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(&address)
            .build()
            .map_err(std::io::Error::other)?;
        let resource = Resource::builder()
            .with_service_name("owlcodad")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let spans = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .with_resource(resource.clone())
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics)
            .with_resource(resource)
            .build();
        let meter = metrics.meter("owlcodad");
        let seconds = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s");
            let histogram = histogram.with_description(description);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        Ok(Some(Self {
            tracer: spans.tracer("owlcodad"),
            duration: seconds(
                "gen_ai.client.operation.duration",
                "GenAI operation duration.",
            ),
            first_chunk: seconds(
                "gen_ai.client.operation.time_to_first_chunk",
                "Time to receive the first chunk of a stream.",
            ),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            spans,
            metrics,
        }))
    }

    /// Tells of a call that has ended, unless no model server was asked.
    pub(crate) fn record(&self, call: &Settled) {
        let (Some(model), true) = (&call.model_used, call.n_attempts > 0) else {
            return;
        };
        let provider = match call.dialect_out {
            Some(Dialect::Anthropic) => "anthropic",
            // The flavour of the protocol, whoever speaks it.
            Some(Dialect::OpenAi) | None => "openai",
        };
        let mut about = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", provider),
            KeyValue::new("gen_ai.request.model", model.clone()),
            KeyValue::new("gen_ai.response.model", model.clone()),
        ];
        self.count_tokens(call, &about);
        if let Some(ttft) = call.ttft.filter(|_| call.is_stream) {
            self.first_chunk.record(ttft.as_secs_f64(), &about);
        }
        let is_error = call.outcome != Outcome::Ok;
        if is_error {
            about.push(KeyValue::new("error.type", call.outcome.as_str()));
        }
        self.duration.record(call.elapsed.as_secs_f64(), &about);
        self.trace(call, model, about);
    }

    fn count_tokens(&self, call: &Settled, about: &[KeyValue]) {
        let usage = &call.usage;
        for (kind, n_tokens) in [
            ("input", usage.prompt_tokens()),
            ("output", usage.output_tokens),
        ] {
            if n_tokens > 0 {
                let kind = KeyValue::new("gen_ai.token.type", kind);
                let about = [about, &[kind]].concat();
                self.tokens.record(n_tokens, &about);
            }
        }
    }

    fn trace(&self, call: &Settled, model: &str, mut about: Vec<KeyValue>) {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let usage = &call.usage;
        about.extend([
            KeyValue::new("gen_ai.usage.input_tokens", number(usage.prompt_tokens())),
            KeyValue::new("gen_ai.usage.output_tokens", number(usage.output_tokens)),
            KeyValue::new("owlcoda.request.id", call.id.to_string()),
            KeyValue::new("owlcoda.attempts", i64::from(call.n_attempts)),
        ]);
        let endpoint = call.endpoint.as_deref().unwrap_or_default();
        let authority = endpoint.split('/').next().unwrap_or_default();
        if let Some((host, port)) = authority.rsplit_once(':')
            && let Ok(port) = port.parse::<u16>()
        {
            about.push(KeyValue::new("server.address", host.to_owned()));
            about.push(KeyValue::new("server.port", i64::from(port)));
        }
        let began = UNIX_EPOCH + Duration::from_millis(u64::try_from(call.at_ms).unwrap_or(0));
        let builder = self
            .tracer
            .span_builder(format!("chat {model}"))
            .with_kind(SpanKind::Client)
            .with_start_time(began)
            .with_attributes(about);
        let mut span = self.tracer.build_with_context(builder, &Context::new());
        if call.outcome != Outcome::Ok {
            span.set_status(Status::error(call.outcome.as_str()));
        }
        span.end_with_timestamp(began + call.elapsed);
    }

    /// Exports what waits, and ends. Blocks for a few seconds at most; the runtime must still run.
    pub(crate) fn finish(&self) {
        let spans = self.spans.shutdown_with_timeout(LAST_EXPORT);
        let metrics = self.metrics.shutdown_with_timeout(LAST_EXPORT);
        for error in [spans.err(), metrics.err()].into_iter().flatten() {
            warn!(%error, "the collector did not take all that there was to tell");
        }
    }
}
