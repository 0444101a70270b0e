//! Every metric: name, labels, help, in the order of `/metrics` documentation.
//!
//! Names follow Prometheus' rules: base units, `_total` on counters, labels with bounded values
//! (a configured model, an endpoint, an outcome), never an id and never a caller's text.

#![expect(
    clippy::disallowed_macros,
    reason = "the table that stands for these macros"
)]

use metrics::{counter, gauge, histogram};

use crate::series::Kept;

/// A number that only grows.
#[derive(Debug)]
pub struct Counter<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    kept: Kept<metrics::Counter, N>,
}

/// A number that goes up and down.
#[derive(Debug)]
pub struct Gauge<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    kept: Kept<metrics::Gauge, N>,
}

/// A distribution of seconds.
#[derive(Debug)]
pub struct Seconds<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    kept: Kept<metrics::Histogram, N>,
}

/// A distribution of numbers per second.
#[derive(Debug)]
pub struct PerSecond<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    kept: Kept<metrics::Histogram, N>,
}

impl<const N: usize> Counter<N> {
    /// Adds `n` to the series with these label values, in the order of the table.
    pub fn add(&self, values: [&str; N], n: u64) {
        self.series(values).increment(n);
    }

    /// Makes the series with these label values at least `total`, which somebody else counts.
    pub fn reach(&self, values: [&str; N], total: u64) {
        self.series(values).absolute(total);
    }

    fn series(&self, values: [&str; N]) -> metrics::Counter {
        let make = || counter!(self.name, &pairs(self.labels, values));
        self.kept.get(values, make)
    }
}

impl<const N: usize> Gauge<N> {
    /// Sets the series with these label values.
    pub fn set(&self, values: [&str; N], value: f64) {
        self.series(values).set(value);
    }

    /// Adds one now and takes it away when the guard is dropped.
    pub fn hold(&self, values: [&str; N]) -> Held {
        let series = self.series(values);
        series.increment(1.0);
        Held(series)
    }

    fn series(&self, values: [&str; N]) -> metrics::Gauge {
        let make = || gauge!(self.name, &pairs(self.labels, values));
        self.kept.get(values, make)
    }
}

impl<const N: usize> Seconds<N> {
    /// Records one duration.
    pub fn record(&self, values: [&str; N], duration: std::time::Duration) {
        let make = || histogram!(self.name, &pairs(self.labels, values));
        let series = self.kept.get(values, make);
        series.record(duration.as_secs_f64());
    }
}

impl<const N: usize> PerSecond<N> {
    /// Records that there were `n` within `time`. Nothing in no time is nothing.
    pub fn record(&self, values: [&str; N], n: u64, time: std::time::Duration) {
        if n > 0 && !time.is_zero() {
            #[expect(clippy::cast_precision_loss, reason = "far below 53 bits")]
            let speed = n as f64 / time.as_secs_f64();
            let make = || histogram!(self.name, &pairs(self.labels, values));
            self.kept.get(values, make).record(speed);
        }
    }
}

/// Keeps a gauge one higher while it lives.
#[derive(Debug)]
pub struct Held(metrics::Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

fn pairs<const N: usize>(
    names: [&'static str; N],
    values: [&str; N],
) -> Vec<(&'static str, String)> {
    names
        .into_iter()
        .zip(values.into_iter().map(str::to_owned))
        .collect()
}

macro_rules! table {
    ($($kind:ident<$n:literal> $constant:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $constant: $kind<$n> = $kind { name: $name, help: $help, labels: [$($label),*], kept: Kept::new() };
        )*

        /// Tells the recorder what each metric means.
        pub(crate) fn describe() {
            $( $constant.describe(); )*
        }

        /// Every metric's name.
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

impl<const N: usize> Counter<N> {
    fn describe(&self) {
        metrics::describe_counter!(self.name, self.help);
        if N == 0 {
            // A rate needs a zero to start from.
            counter!(self.name).increment(0);
        }
    }
}

impl<const N: usize> Gauge<N> {
    fn describe(&self) {
        metrics::describe_gauge!(self.name, self.help);
    }
}

impl<const N: usize> Seconds<N> {
    fn describe(&self) {
        metrics::describe_histogram!(self.name, metrics::Unit::Seconds, self.help);
    }
}

impl<const N: usize> PerSecond<N> {
    fn describe(&self) {
        metrics::describe_histogram!(self.name, self.help);
    }
}

table! {
    Gauge<1> BUILD_INFO "owlcoda_build_info" ["version"] "Always 1; the labels tell the build.";
    Gauge<0> START_TIME "owlcoda_start_time_seconds" [] "Unix time of the start.";
    Counter<3> HTTP_REQUESTS "owlcoda_http_requests_total" ["route", "method", "code"] "HTTP requests answered, by the route's pattern.";
    Counter<1> HTTP_REJECTED "owlcoda_http_rejected_total" ["reason"] "HTTP requests that were not let in, by what was wrong with the caller.";
    Seconds<1> HTTP_DURATION "owlcoda_http_request_duration_seconds" ["route"] "From the request's head to the answer's last byte.";
    Gauge<0> HTTP_IN_FLIGHT "owlcoda_http_requests_in_flight" [] "HTTP requests whose answer is not finished.";
    Gauge<0> HTTP_CONNECTIONS "owlcoda_http_connections" [] "Open HTTP connections.";
    Counter<3> UPSTREAM_REQUESTS "owlcoda_upstream_requests_total" ["endpoint", "model", "outcome"] "Model calls ended, by outcome.";
    Counter<2> RETRIES "owlcoda_retries_total" ["endpoint", "reason"] "Attempts that failed and were made again at the same model.";
    Counter<2> FALLBACKS "owlcoda_fallbacks_total" ["from", "to"] "Calls that another model answered than the one asked for.";
    Counter<1> RATE_LIMITED "owlcoda_rate_limited_total" ["model"] "Calls that our own limit of calls a minute turned away.";
    Counter<1> CACHE_REQUESTS "owlcoda_cache_requests_total" ["result"] "Calls that a kept answer could serve: hit or miss.";
    Seconds<2> TIME_TO_FIRST_TOKEN "owlcoda_upstream_time_to_first_token_seconds" ["endpoint", "model"] "From sending a call to the first event of its answer.";
    PerSecond<2> OUTPUT_SPEED "owlcoda_upstream_output_tokens_per_second" ["endpoint", "model"] "How fast streamed answers were written, from their first event to their last.";
    Gauge<1> ENDPOINT_UP "owlcoda_endpoint_up" ["endpoint"] "1 while a model server answers calls or probes, 0 while it does not, NaN where it is not in use any more.";
    Seconds<1> ENDPOINT_PROBE_DURATION "owlcoda_endpoint_probe_duration_seconds" ["endpoint"] "Questions of the monitor to a model server, whatever became of them.";
    Counter<2> TOKENS "owlcoda_tokens_total" ["model", "direction"] "Tokens as the model servers count them; the direction says which kind.";
    Counter<0> AUDIT_RECORDS "owlcoda_audit_records_total" [] "Audit records made durable.";
    Counter<0> AUDIT_DROPPED "owlcoda_audit_dropped_total" [] "Audit records lost to a full queue or a failed store.";
    Counter<0> AUDIT_REFUSED "owlcoda_audit_refused_total" [] "Calls that were not served, or not answered, because `audit.mode` is `strict` and they could not be recorded.";
    Counter<0> AUDIT_LINES_FAILED "owlcoda_audit_jsonl_errors_total" [] "Tries to write the audit's lines of JSON that failed; the lines wait in the store.";
    Seconds<0> AUDIT_COMMIT "owlcoda_audit_commit_duration_seconds" [] "One group commit of the store, fdatasync included.";
    Seconds<0> STORAGE_OPEN "owlcoda_storage_open_duration_seconds" [] "Opening the store at start.";
    Gauge<0> STORAGE_SIZE "owlcoda_storage_size_bytes" [] "What the store takes on disk.";
    Gauge<1> STORAGE_INTEGRITY "owlcoda_storage_integrity" ["state"] "1 for the state that the store is in: ok, or degraded where something of it is lost, damaged or cannot be written.";
    Counter<0> STORAGE_REOPENS "owlcoda_storage_reopens_total" [] "Parts of the store that were opened again after they could not be written.";
    Counter<1> STORAGE_ERRORS "owlcoda_storage_errors_total" ["op"] "Store operations that failed.";
    Counter<2> GRPC_REQUESTS "owlcoda_grpc_requests_total" ["method", "code"] "Control calls answered.";
    Counter<0> LOG_LINES_DROPPED "owlcoda_log_lines_dropped_total" [] "Log lines that found no room on their way to standard error or the log file.";
    Counter<0> PANICS "owlcoda_panics_total" [] "Requests that ended in a defect of ours.";
    Counter<1> CONFIG_RELOADS "owlcoda_config_reloads_total" ["outcome"] "Looks at the configuration that had an outcome: applied, unchanged or rejected.";
    Gauge<0> CONFIG_RELOAD_OK "owlcoda_config_last_reload_successful" [] "1 while the configuration in force is the one on disk, 0 while that one was rejected.";
    Gauge<0> CONFIG_RELOADED_AT "owlcoda_config_last_reload_success_timestamp_seconds" [] "Unix time at which the configuration in force was read.";
    Gauge<1> CONFIG_WATCH "owlcoda_config_watch_mode" ["mode"] "1 for how changes of the configuration are noticed: events or polling.";
    Gauge<3> BREAKER_STATE "owlcoda_circuit_breaker_state" ["endpoint", "model", "state"] "1 for the state that a model's breaker is in: `closed`, `open` or `half_open`.";
    Gauge<1> ERROR_BUDGET "owlcoda_error_budget_remaining_ratio" ["model"] "What is left of a model's error budget, over its last 100 calls: 1 is all of it, less than 0 is too many failures, NaN is a model that is gone.";
    Gauge<1> RUNTIME_UP "owlcoda_managed_runtime_up" ["runtime"] "1 while the daemon's own model server is ready.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_have_the_shape_that_prometheus_asks_for() {
        let mut seen = std::collections::BTreeSet::new();
        for name in NAMES {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("owlcoda_"), "{name}");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
        }
    }
}
