//! The exporter of a build without the feature `otel`: there is none, and whoever configures one is
//! told so.

use owlcoda_config::EndpointUrl;
use owlcoda_pipeline::Settled;
use tracing::warn;

/// Cannot be made.
#[derive(Clone, Debug)]
pub(crate) enum Exporter {}

impl Exporter {
    /// Says that there is none, where one is asked for.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a build with the feature may fail here"
    )]
    pub(crate) fn start(endpoint: Option<&EndpointUrl>) -> Result<Option<Self>, std::io::Error> {
        if endpoint.is_some() {
            warn!(
                "`telemetry.otlpEndpoint` has no effect: this build is without OpenTelemetry; build \
                 one with `cargo build --release -p owlcodad --features otel`"
            );
        }
        Ok(None)
    }

    pub(crate) fn record(&self, _: &Settled) {
        match *self {}
    }

    pub(crate) fn finish(&self) {
        match *self {}
    }
}
