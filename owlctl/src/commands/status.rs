//! `owlctl status`: how the daemon is, with what needs a look at the bottom, where it is not
//! scrolled away.

mod crash;
mod text;
mod watch;

use jiff::Timestamp;
use owlcoda_proto::v1::{ListModelsRequest, StatusRequest, StatusResponse, Usage};
use owlcoda_proto::{Place, Skew, printable};
use serde::Serialize;

use crate::cli::StatusArgs;
use crate::commands::models;
use crate::commands::models::some;
use crate::commands::reload::Config;
use crate::daemon::Context;
use crate::document::json;
use crate::error::{self, CommandError};
use crate::quantity;
use crate::report::Report;

/// What is shown: the daemon's answer and what the client adds to it.
struct View<'a> {
    place: &'a Place,
    status: &'a StatusResponse,
    /// What to do where there are no models.
    hint: Option<String>,
    now: Timestamp,
}

impl View<'_> {
    /// Since when the daemon runs, in milliseconds; none where that makes no sense.
    fn uptime_ms(&self) -> Option<u64> {
        let started = quantity::moment(self.status.started_at_ms)?;
        u64::try_from(self.now.as_millisecond() - started.as_millisecond()).ok()
    }
}

#[derive(Serialize)]
struct Status<'a> {
    /// `running`, `draining` or `not_running`.
    state: &'a str,
    home: String,
    socket: String,
    /// Null where the daemon does not run, like all that follows.
    daemon: Option<Daemon<'a>>,
    problems: Vec<&'a str>,
    /// The last defect that ended a daemon of this home; null while one runs.
    last_crash: Option<crash::LastCrash>,
}

#[derive(Serialize)]
struct Daemon<'a> {
    version: &'a str,
    pid: u32,
    started_at: Option<String>,
    uptime_secs: Option<f64>,
    http_url: &'a str,
    config_path: Option<&'a str>,
    config: Option<Config<'a>>,
    traffic: Traffic,
    storage: Storage<'a>,
    models: Routable<'a>,
    endpoints: Vec<Endpoint<'a>>,
    runtimes: Vec<Runtime<'a>>,
}

#[derive(Serialize)]
struct Traffic {
    n_calls: u64,
    n_failed: u64,
    n_in_flight: u64,
    usage: TokenCounts,
}

/// Tokens of one call or of many, as JSON.
#[derive(Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit of each is part of the document"
)]
pub(super) struct TokenCounts {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
}

impl From<Usage> for TokenCounts {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
        }
    }
}

#[derive(Serialize)]
struct Storage<'a> {
    n_audit_records: u64,
    n_audit_dropped: u64,
    n_sessions: u64,
    size_bytes: u64,
    integrity: &'a str,
    /// How often a part could not be written, since the daemon started.
    n_outages: u64,
    n_audit_segments: u64,
    /// Of the oldest record that is kept; null without records.
    first_audit_seq: Option<u64>,
}

#[derive(Serialize)]
struct Routable<'a> {
    n_models: u32,
    default: Option<&'a str>,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    id: &'a str,
    url: &'a str,
    source: &'a str,
    n_models: u32,
    state: &'a str,
    /// Since when; null where nothing was heard of it.
    since: Option<String>,
    heard_at: Option<String>,
    /// `call` or `probe`.
    heard_by: Option<&'a str>,
    latency_ms: Option<u64>,
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Runtime<'a> {
    name: &'a str,
    state: &'a str,
    pid: Option<u32>,
    port: Option<u32>,
    log_path: &'a str,
    detail: Option<&'a str>,
}

/// What a look at the daemon came to.
enum Seen {
    Running {
        status: Box<StatusResponse>,
        /// What to do where there are no models.
        hint: Option<String>,
        skew: Skew,
    },
    NotRunning(CommandError),
}

pub(super) async fn run(context: &Context<'_>, args: &StatusArgs) -> Result<Report, CommandError> {
    if args.watch {
        return watch::run(context).await;
    }
    let seen = look(context).await?;
    let report = Report::data(render(context, &seen));
    Ok(match seen {
        Seen::Running { skew, .. } if skew.is_daemon_older() => {
            let way_out = error::restart(context.global.home.as_deref());
            let report = report.and_remark(&printable(&format!("owlctl: {skew}")));
            report.and_remark(way_out.trim_end())
        }
        Seen::Running { .. } => report,
        Seen::NotRunning(error) => report.and_failure(&error),
    })
}

/// One look. That there is no daemon is an answer.
async fn look(context: &Context<'_>) -> Result<Seen, CommandError> {
    let client = match context.connect().await {
        Ok(client) => client,
        Err(error) if error.is_absence() => return Ok(Seen::NotRunning(error)),
        Err(error) => return Err(error),
    };
    let status = client.daemon().status(StatusRequest {}).await?.into_inner();
    let hint = if status.n_models == 0 {
        let models = client.models().list(ListModelsRequest {}).await?;
        models::hint(&models.into_inner()).map(str::to_owned)
    } else {
        None
    };
    let status = Box::new(status);
    let skew = client.skew();
    Ok(Seen::Running { status, hint, skew })
}

/// The document or the text.
fn render(context: &Context<'_>, seen: &Seen) -> String {
    let place = &context.place;
    match seen {
        Seen::NotRunning(_) => {
            let last_crash = crash::last(&place.home);
            if context.global.json {
                json("Status", &not_running(place, last_crash))
            } else {
                text::not_running(place, last_crash.as_ref())
            }
        }
        Seen::Running { status, hint, .. } => {
            let view = View {
                place,
                status,
                hint: hint.clone(),
                now: Timestamp::now(),
            };
            if context.global.json {
                json("Status", &running(&view))
            } else {
                text::running(&view)
            }
        }
    }
}

fn not_running(place: &Place, last_crash: Option<crash::LastCrash>) -> Status<'_> {
    Status {
        state: "not_running",
        home: place.home.to_string_lossy().into_owned(),
        socket: place.socket.to_string_lossy().into_owned(),
        daemon: None,
        problems: Vec::new(),
        last_crash,
    }
}

fn running<'a>(view: &'a View<'_>) -> Status<'a> {
    let status = view.status;
    let traffic = status.traffic.unwrap_or_default();
    Status {
        state: &status.state,
        home: status.home.clone(),
        socket: view.place.socket.to_string_lossy().into_owned(),
        daemon: Some(Daemon {
            version: &status.version,
            pid: status.pid,
            started_at: quantity::rfc_3339(status.started_at_ms),
            uptime_secs: view.uptime_ms().map(quantity::secs),
            http_url: &status.http_url,
            config_path: some(&status.config_path),
            config: status.config.as_ref().map(Config::from),
            traffic: Traffic {
                n_calls: traffic.n_calls,
                n_failed: traffic.n_failed,
                n_in_flight: traffic.n_in_flight,
                usage: traffic.usage.unwrap_or_default().into(),
            },
            storage: storage(status),
            models: Routable {
                n_models: status.n_models,
                default: some(&status.default_model),
                hint: view.hint.as_deref(),
            },
            endpoints: endpoints(status),
            runtimes: runtimes(status),
        }),
        problems: status.problems.iter().map(String::as_str).collect(),
        last_crash: None,
    }
}

fn storage(status: &StatusResponse) -> Storage<'_> {
    status.storage.as_ref().map_or(
        Storage {
            n_audit_records: 0,
            n_audit_dropped: 0,
            n_sessions: 0,
            size_bytes: 0,
            integrity: "unknown",
            n_outages: 0,
            n_audit_segments: 0,
            first_audit_seq: None,
        },
        |storage| Storage {
            n_audit_records: storage.n_audit_records,
            n_audit_dropped: storage.n_audit_dropped,
            n_sessions: storage.n_sessions,
            size_bytes: storage.size_bytes,
            integrity: &storage.integrity,
            n_outages: storage.n_outages,
            n_audit_segments: storage.n_audit_segments,
            first_audit_seq: Some(storage.first_audit_seq)
                .filter(|seq| *seq > 0 && storage.n_audit_records > 0),
        },
    )
}

fn endpoints(status: &StatusResponse) -> Vec<Endpoint<'_>> {
    let endpoints = status.endpoints.iter().map(|endpoint| Endpoint {
        id: &endpoint.id,
        url: &endpoint.url,
        source: &endpoint.source,
        n_models: endpoint.n_models,
        state: &endpoint.state,
        since: quantity::rfc_3339(endpoint.since_ms),
        heard_at: quantity::rfc_3339(endpoint.heard_at_ms),
        heard_by: some(&endpoint.heard_by),
        latency_ms: endpoint.latency_ms,
        detail: some(&endpoint.detail),
    });
    endpoints.collect()
}

fn runtimes(status: &StatusResponse) -> Vec<Runtime<'_>> {
    let runtimes = status.runtimes.iter().map(|runtime| Runtime {
        name: &runtime.name,
        state: &runtime.state,
        pid: Some(runtime.pid).filter(|pid| *pid != 0),
        port: Some(runtime.port).filter(|port| *port != 0),
        log_path: &runtime.log_path,
        detail: some(&runtime.detail),
    });
    runtimes.collect()
}

#[cfg(test)]
mod tests;
