//! `owlctl backends`: the model servers.

use owlcoda_proto::printable;
use owlcoda_proto::v1::{
    Backend, BackendModel, ListBackendsRequest, ListBackendsResponse, ProbeBackendRequest,
    ProbeBackendResponse, ResetBreakerRequest, ResetBreakerResponse,
};
use serde::Serialize;

use crate::cli::insight::BackendsVerb;
use crate::commands::models::some;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct List<'a> {
    backends: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    server: &'a str,
    /// Null for one of the daemon's own that does not run.
    url: Option<&'a str>,
    /// `up`, `down` or `unknown`.
    state: &'a str,
    detail: Option<&'a str>,
    since: Option<String>,
    latency_secs: Option<f64>,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    /// `closed`, `open` or `half_open`.
    breaker: &'a str,
    /// Requests in a row that failed.
    n_failures: u32,
    /// How long an open breaker stays so; null where it is not open.
    retry_in_secs: Option<f64>,
    /// Null where its server does not tell.
    is_loaded: Option<bool>,
}

#[derive(Serialize)]
struct Probe<'a> {
    id: &'a str,
    state: &'a str,
    detail: Option<&'a str>,
    latency_secs: f64,
}

#[derive(Serialize)]
struct Reset<'a> {
    id: &'a str,
    /// Every model there, with the state that its breaker was in before.
    models: Vec<ResetModel<'a>>,
}

#[derive(Serialize)]
struct ResetModel<'a> {
    id: &'a str,
    breaker_before: &'a str,
}

pub(super) async fn run(
    context: &Context<'_>,
    verb: Option<&BackendsVerb>,
) -> Result<Report, CommandError> {
    let is_json = context.global.json;
    let mut backends = context.connect().await?.backends();
    Ok(match verb {
        None | Some(BackendsVerb::List) => {
            let answer = backends.list(ListBackendsRequest {}).await?;
            list(&answer.into_inner(), is_json)
        }
        Some(BackendsVerb::Probe(args)) => {
            let id = args.id.clone();
            let answer = backends.probe(ProbeBackendRequest { id }).await?;
            probe(&answer.into_inner(), is_json)
        }
        Some(BackendsVerb::ResetBreaker(args)) => {
            let id = args.id.clone();
            let answer = backends.reset_breaker(ResetBreakerRequest { id }).await?;
            reset(&args.id, &answer.into_inner(), is_json)
        }
    })
}

fn list(answer: &ListBackendsResponse, is_json: bool) -> Report {
    if is_json {
        let backends = answer.backends.iter().map(entry).collect();
        return Report::data(json("BackendList", &List { backends }));
    }
    if answer.backends.is_empty() {
        let remark = "no model servers: start one, or name one in the configuration";
        return Report::data(String::new()).and_remark(remark);
    }
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("SERVER", Side::Left),
        ("STATE", Side::Left),
        ("BREAKER", Side::Left),
        ("LATENCY", Side::Right),
        ("MODELS", Side::Right),
        ("URL", Side::Left),
        ("DETAIL", Side::Left),
    ]);
    for backend in &answer.backends {
        table.push([
            &backend.id,
            &backend.server,
            &backend.state,
            &breakers(backend),
            &backend.latency_ms.map_or_else(String::new, quantity::span),
            &backend.models.len().to_string(),
            &backend.url,
            &backend.detail,
        ]);
    }
    Report::data(table.lines().join("\n") + "\n")
}

/// The breakers of its models in one word, or which of them are not closed.
fn breakers(backend: &Backend) -> String {
    let not_closed = backend.models.iter();
    let mut not_closed = not_closed.filter(|model| model.breaker != "closed");
    match (not_closed.next(), backend.models.is_empty()) {
        (None, true) => String::new(),
        (None, false) => "closed".to_owned(),
        (Some(first), _) => {
            let n_more = not_closed.count();
            let more = match n_more {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!("{} ({}{more})", first.breaker, first.id)
        }
    }
}

fn entry(backend: &Backend) -> Entry<'_> {
    Entry {
        id: &backend.id,
        server: &backend.server,
        url: some(&backend.url),
        state: &backend.state,
        detail: some(&backend.detail),
        since: quantity::rfc_3339(backend.since_ms),
        latency_secs: backend.latency_ms.map(quantity::secs),
        models: backend.models.iter().map(model).collect(),
    }
}

fn model(model: &BackendModel) -> Model<'_> {
    Model {
        id: &model.id,
        breaker: &model.breaker,
        n_failures: model.n_failures,
        retry_in_secs: model.retry_in_ms.map(quantity::secs),
        is_loaded: model.is_loaded,
    }
}

fn probe(answer: &ProbeBackendResponse, is_json: bool) -> Report {
    let stdout = if is_json {
        let probe = Probe {
            id: &answer.id,
            state: &answer.state,
            detail: some(&answer.detail),
            latency_secs: quantity::secs(answer.latency_ms),
        };
        json("BackendProbe", &probe)
    } else {
        let latency = quantity::span(answer.latency_ms);
        let line = format!(
            "{}  {}  {latency}  {}",
            answer.id, answer.state, answer.detail
        );
        format!("{}\n", printable(&line).trim_end())
    };
    let exit = if answer.state == "up" {
        Exit::Ok
    } else {
        Exit::Failed
    };
    Report::data(stdout).ending(exit)
}

fn reset(id: &str, answer: &ResetBreakerResponse, is_json: bool) -> Report {
    if is_json {
        let models = answer.models.iter().map(|model| ResetModel {
            id: &model.id,
            breaker_before: &model.breaker,
        });
        let models = models.collect();
        return Report::data(json("BreakerReset", &Reset { id, models }));
    }
    let mut table = Table::with_columns([
        ("MODEL", Side::Left),
        ("BREAKER", Side::Left),
        ("BEFORE", Side::Left),
    ]);
    for model in &answer.models {
        table.push([&model.id, "closed", &model.breaker]);
    }
    Report::data(table.lines().join("\n") + "\n")
}

#[cfg(test)]
mod tests;
