//! The status as a person reads it: one topic a line, tables indented under their word.

use std::path::Path;

use owlcoda_proto::{Place, printable};

use super::View;
use super::crash::LastCrash;
use crate::commands::prompt_tokens;
use crate::quantity;
use crate::table::{Side, Table};

/// Width of the first column, which names the topic.
const TOPIC_CHARS: usize = 11;

/// Lines under their topics.
#[derive(Default)]
struct Page(String);

impl Page {
    /// One line, safe for a terminal.
    fn line(&mut self, line: &str) {
        self.0.push_str(printable(line).trim_end());
        self.0.push('\n');
    }

    /// One topic and its lines; the first stands beside its word.
    fn topic(&mut self, word: &str, lines: impl IntoIterator<Item = String>) {
        let mut word = word;
        for line in lines {
            self.line(&format!("{word:<TOPIC_CHARS$}{line}"));
            word = "";
        }
    }
}

/// All that a client knows of a daemon that does not run.
pub(super) fn not_running(place: &Place, last_crash: Option<&LastCrash>) -> String {
    let mut page = Page("owlcodad  not running\n".to_owned());
    page.topic("Home", [shown(&place.home)]);
    page.topic(
        "Control",
        [format!("unix:{}  (tried)", shown(&place.socket))],
    );
    if let Some(last_crash) = last_crash {
        page.topic("Last crash", last_crash.lines());
    }
    page.0
}

/// The whole status.
pub(super) fn running(view: &View<'_>) -> String {
    let status = view.status;
    let since = view
        .uptime_ms()
        .map_or_else(String::new, |ms| format!(" {}", quantity::span(ms)));
    let mut page = Page(format!(
        "owlcodad {}  {}{since}  pid {}\n",
        printable(&status.version),
        printable(&status.state),
        status.pid
    ));
    page.topic("Gateway", [gateway(view)]);
    page.topic("Control", [format!("unix:{}", shown(&view.place.socket))]);
    let config = match status.config_path.as_str() {
        "" => "none found; what runs on this machine is discovered",
        path => path,
    };
    page.topic("Config", [format!("{config}{}", generation(view))]);
    page.topic("Storage", [storage(view)]);
    page.topic("Endpoints", endpoints(view));
    if !status.runtimes.is_empty() {
        page.topic("Runtimes", runtimes(view));
    }
    page.topic("Models", [models(view)]);
    if !status.problems.is_empty() {
        page.line("Problems");
        for problem in &status.problems {
            page.line(&format!("  ! {problem}"));
        }
    }
    page.0
}

/// Which configuration is in force, once there was a second one.
fn generation(view: &View<'_>) -> String {
    let config = view.status.config.as_ref();
    let Some(config) = config.filter(|config| config.generation > 1) else {
        return String::new();
    };
    let read_at = quantity::moment(config.loaded_at_ms);
    let age_ms = read_at.map(|read_at| view.now.as_millisecond() - read_at.as_millisecond());
    let age = age_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .map_or_else(String::new, |ms| {
            format!(", read {} ago", quantity::span(ms))
        });
    format!("  generation {}{age}", config.generation)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn gateway(view: &View<'_>) -> String {
    let traffic = view.status.traffic.unwrap_or_default();
    let usage = traffic.usage.unwrap_or_default();
    let failed = match traffic.n_failed {
        0 => String::new(),
        n => format!(" ({} failed)", quantity::count(n)),
    };
    format!(
        "{}  {}{failed}, {} in flight  tokens in {} out {}",
        view.status.http_url,
        quantity::of(traffic.n_calls, "call"),
        quantity::count(traffic.n_in_flight),
        quantity::count(prompt_tokens(&usage)),
        quantity::count(usage.output_tokens),
    )
}

fn storage(view: &View<'_>) -> String {
    let Some(storage) = &view.status.storage else {
        return "unknown".to_owned();
    };
    let mut notes = Vec::new();
    if storage.n_audit_records > 0 {
        let first = storage.first_audit_seq;
        let segments = quantity::of(storage.n_audit_segments, "segment");
        notes.push(format!("from {first} on in {segments}"));
    }
    if storage.n_audit_dropped > 0 {
        notes.push(format!(
            "{} dropped",
            quantity::count(storage.n_audit_dropped)
        ));
    }
    let notes = match notes.join(", ") {
        notes if notes.is_empty() => notes,
        notes => format!(" ({notes})"),
    };
    let outages = match storage.n_outages {
        0 => String::new(),
        n => format!(", {} since the start", quantity::of(n, "outage")),
    };
    format!(
        "{}{notes}, {}, {}, integrity {}{outages}",
        quantity::of(storage.n_audit_records, "audit record"),
        quantity::of(storage.n_sessions, "session"),
        quantity::size(storage.size_bytes),
        storage.integrity,
    )
}

fn endpoints(view: &View<'_>) -> Vec<String> {
    if view.status.endpoints.is_empty() {
        return vec!["none".to_owned()];
    }
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("STATE", Side::Left),
        ("FOR", Side::Right),
        ("LATENCY", Side::Right),
        ("SOURCE", Side::Left),
        ("MODELS", Side::Right),
        ("URL", Side::Left),
        ("DETAIL", Side::Left),
    ]);
    for endpoint in &view.status.endpoints {
        table.push([
            &endpoint.id,
            &endpoint.state,
            &age(view, endpoint.since_ms),
            &latency(endpoint.latency_ms),
            &endpoint.source,
            &endpoint.n_models.to_string(),
            &endpoint.url,
            &endpoint.detail,
        ]);
    }
    table.lines()
}

/// How long ago that was; empty where it never was.
fn age(view: &View<'_>, unix_ms: i64) -> String {
    let then = quantity::moment(unix_ms);
    let age_ms = then.map(|then| view.now.as_millisecond() - then.as_millisecond());
    let age_ms = age_ms.and_then(|ms| u64::try_from(ms).ok());
    age_ms.map_or_else(String::new, quantity::span)
}

fn latency(latency_ms: Option<u64>) -> String {
    latency_ms.map_or_else(String::new, quantity::span)
}

fn runtimes(view: &View<'_>) -> Vec<String> {
    let mut table = Table::with_columns([
        ("NAME", Side::Left),
        ("STATE", Side::Left),
        ("PID", Side::Right),
        ("PORT", Side::Right),
        ("LOG", Side::Left),
        ("DETAIL", Side::Left),
    ]);
    let number = |n: u32| if n == 0 { String::new() } else { n.to_string() };
    for runtime in &view.status.runtimes {
        table.push([
            &runtime.name,
            &runtime.state,
            &number(runtime.pid),
            &number(runtime.port),
            &runtime.log_path,
            &runtime.detail,
        ]);
    }
    table.lines()
}

fn models(view: &View<'_>) -> String {
    match (&view.hint, view.status.default_model.as_str()) {
        (Some(hint), _) => format!("none; {hint}"),
        (None, "") => format!(
            "{}, no default",
            quantity::count(view.status.n_models.into())
        ),
        (None, id) => format!(
            "{}, default {id}",
            quantity::count(view.status.n_models.into())
        ),
    }
}
