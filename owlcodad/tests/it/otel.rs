//! What an OpenTelemetry collector is told, in builds with and without the feature.

use owlcoda_testkit::http;
use serde_json::json;

use crate::world::{daemon, nothing, with};

#[cfg(not(feature = "otel"))]
#[tokio::test]
async fn a_build_without_opentelemetry_says_so_and_serves() {
    let telemetry = json!({"telemetry": {"otlpEndpoint": "http://127.0.0.1:4317"}});
    let daemon = daemon().config(with(nothing(), telemetry)).start().await;
    crate::world::until("the warning", async || {
        daemon.stderr().contains("--features otel").then_some(())
    })
    .await;
    let health = http::get(&format!("{}/health", daemon.url())).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn a_collector_s_address_must_be_one_that_can_be_spoken_to() {
    for (address, expected) in [
        ("collector:4317", "http://"),
        ("https://collector.example.com", "not encrypted"),
    ] {
        let telemetry = json!({"telemetry": {"otlpEndpoint": address}});
        let refused = daemon()
            .config(with(nothing(), telemetry))
            .try_start()
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("telemetry.otlpEndpoint"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
}

#[cfg(feature = "otel")]
mod exported {
    use std::sync::{Arc, Mutex};

    use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
        MetricsService, MetricsServiceServer,
    };
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
        TraceService, TraceServiceServer,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
    };
    use opentelemetry_proto::tonic::common::v1::KeyValue;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use owlcoda_testkit::{FakeUpstream, Script};
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::{Request, Response, Status};

    use super::*;
    use crate::world::{MODEL, Route, config};

    /// A collector that keeps what it is told.
    #[derive(Clone, Debug, Default)]
    struct Collector {
        traces: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
        metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    }

    #[tonic::async_trait]
    impl TraceService for Collector {
        async fn export(
            &self,
            told: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, Status> {
            self.traces.lock().unwrap().push(told.into_inner());
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    #[tonic::async_trait]
    impl MetricsService for Collector {
        async fn export(
            &self,
            told: Request<ExportMetricsServiceRequest>,
        ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
            self.metrics.lock().unwrap().push(told.into_inner());
            Ok(Response::new(ExportMetricsServiceResponse::default()))
        }
    }

    impl Collector {
        /// Starts one; ends with the test. Its address comes with it.
        async fn start() -> (Self, String) {
            let collector = Self::default();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let serving = tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(collector.clone()))
                .add_service(MetricsServiceServer::new(collector.clone()))
                .serve_with_incoming(TcpListenerStream::new(listener));
            #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
            tokio::spawn(serving);
            (collector, address)
        }
    }

    fn text<'a>(about: &'a [KeyValue], name: &str) -> &'a str {
        let found = about.iter().find(|pair| pair.key == name);
        let value = found.and_then(|pair| pair.value.as_ref()?.value.as_ref());
        match value {
            Some(Value::StringValue(text)) => text,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn number(about: &[KeyValue], name: &str) -> i64 {
        let found = about.iter().find(|pair| pair.key == name);
        let value = found.and_then(|pair| pair.value.as_ref()?.value.as_ref());
        match value {
            Some(Value::IntValue(number)) => *number,
            other => panic!("{name} is {other:?}"),
        }
    }

    #[tokio::test]
    async fn spans_and_histograms_of_calls_reach_the_collector_that_is_named() {
        let (collector, address) = Collector::start().await;
        let upstream = FakeUpstream::start().await;
        upstream.always(Script::reply("a secret answer"));
        let telemetry = json!({"telemetry": {"otlpEndpoint": address}});
        let written = crate::world::once(with(config(&upstream), telemetry));
        let mut daemon = daemon().config(written).start().await;
        let mut body = Route::Messages.ask_stream(MODEL);
        body["messages"][0]["content"] = json!("a secret question");
        let url = Route::Messages.url(&daemon);
        assert_eq!(http::post(&url, body.to_string()).await.status, 200);
        upstream.always(Script::error(500, "a secret error"));
        assert_eq!(http::post(&url, body.to_string()).await.status, 500);
        // What waits is told at the end.
        daemon.terminate();
        assert_eq!(daemon.wait_exit().await.code(), Some(0));

        let traces = collector.traces.lock().unwrap().clone();
        assert!(!format!("{traces:?}").contains("secret"), "{traces:?}");
        let resources = traces.iter().flat_map(|told| &told.resource_spans);
        let resources: Vec<_> = resources.collect();
        let service = resources[0].resource.as_ref().unwrap();
        assert_eq!(text(&service.attributes, "service.name"), "owlcodad");
        let scopes = resources.iter().flat_map(|resource| &resource.scope_spans);
        let spans: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
        assert_eq!(spans.len(), 2, "{spans:?}");
        for span in &spans {
            assert_eq!(span.name, format!("chat {MODEL}"));
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
            for (name, expected) in [
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.provider.name", "openai"),
                ("gen_ai.request.model", MODEL),
                ("gen_ai.response.model", MODEL),
                ("server.address", "127.0.0.1"),
            ] {
                assert_eq!(text(&span.attributes, name), expected, "{name}");
            }
        }
        let (well, ill) = (&spans[0].attributes, &spans[1].attributes);
        assert_eq!(number(well, "gen_ai.usage.input_tokens"), 11);
        assert_eq!(number(well, "gen_ai.usage.output_tokens"), 2);
        assert!(!well.iter().any(|pair| pair.key == "error.type"));
        assert_eq!(text(ill, "error.type"), "upstream_failed");

        let metrics = collector.metrics.lock().unwrap().clone();
        assert!(!format!("{metrics:?}").contains("secret"), "{metrics:?}");
        let last = metrics.last().unwrap();
        let scopes = last.resource_metrics.iter();
        let scopes = scopes.flat_map(|resource| &resource.scope_metrics);
        let found: Vec<_> = scopes.flat_map(|scope| &scope.metrics).collect();
        for (name, unit, n_counted, first_bound) in [
            ("gen_ai.client.operation.duration", "s", 2, 0.01),
            ("gen_ai.client.operation.time_to_first_chunk", "s", 1, 0.01),
            ("gen_ai.client.token.usage", "{token}", 2, 1.0),
        ] {
            let metric = found.iter().find(|metric| metric.name == name);
            let metric = metric.unwrap_or_else(|| panic!("{name} is not in {found:?}"));
            let Some(Data::Histogram(histogram)) = &metric.data else {
                panic!("{name} is no histogram")
            };
            let points = &histogram.data_points;
            let n: u64 = points.iter().map(|point| point.count).sum();
            let bounds = &points[0].explicit_bounds;
            assert_eq!((metric.unit.as_str(), n), (unit, n_counted), "{name}");
            assert_eq!(
                (bounds.len(), bounds.first()),
                (14, Some(&first_bound)),
                "{name}"
            );
        }
    }
}
