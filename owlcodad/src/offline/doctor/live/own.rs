//! The daemon's own view: whether it serves, its model servers, its configuration, its records.

use std::net::SocketAddr;

use owlcoda_proto::Place;
use owlcoda_proto::v1::{Backend, BackendModel, ConfigProblem};
use owlcoda_types::printable;

use super::super::Check;
use super::Live;
use crate::liveness;
use crate::offline::text::count;
use crate::port_holder::PortHolder;

/// Most problems that are told in one row.
const MAX_REASONS: usize = 3;

/// Most model servers that are told.
const MAX_BACKENDS: usize = 64;

pub(super) fn answers(live: &Live) -> Check {
    let status = &live.status;
    let home = printable(&status.home).into_owned();
    Check::ok("live", format!("pid {} answers for {home}", status.pid))
}

pub(super) fn readiness(live: &Live) -> Check {
    let id = "readiness";
    let status = &live.status;
    if status.state != "running" {
        let detail = format!("the daemon is {}: it takes no new calls", status.state);
        return Check::fail(id, printable(&detail), "owlctl wait stopped; owlctl start");
    }
    let n_models = usize::try_from(status.n_models).unwrap_or(usize::MAX);
    let what = format!("serves {}", count(n_models, "model"));
    if status.problems.is_empty() {
        return Check::ok(id, what);
    }
    let reasons = status.problems.iter().take(MAX_REASONS);
    let reasons: Vec<&str> = reasons.map(String::as_str).collect();
    let more = match status.problems.len().saturating_sub(MAX_REASONS) {
        0 => String::new(),
        n_more => format!(" (and {n_more} more)"),
    };
    let detail = format!("{what}, degraded: {}{more}", reasons.join("; "));
    Check::warn(id, printable(&detail), "owlctl status tells all of it")
}

/// Whether the HTTP API answers where the daemon says that it is.
pub(super) async fn gateway(live: &Live) -> Check {
    let id = "gateway";
    let url = printable(&live.status.http_url).into_owned();
    let address = url.strip_prefix("http://").unwrap_or(&url);
    let Ok(address) = address.parse::<SocketAddr>() else {
        return Check::skip(id, format!("not asked: {url} is no address"));
    };
    let asked = tokio::task::spawn_blocking(move || liveness::asked(address)).await;
    let why = match asked {
        Ok(Ok(true)) => return Check::ok(id, format!("{url} answers")),
        Ok(Ok(false)) => "says that it is not well".to_owned(),
        Ok(Err(error)) => format!("does not answer: {error}"),
        Err(error) => error.to_string(),
    };
    let holder = PortHolder::find(address);
    let is_other = |holder: &PortHolder| {
        let program = holder.program.as_ref();
        program.is_none_or(|(_, pid)| *pid != live.status.pid)
    };
    match holder.filter(is_other) {
        Some(holder) => Check::fail(
            id,
            format!("{url} {why}; it is held by {holder}"),
            "stop that, or set another `port`, then: owlctl restart",
        ),
        None => Check::fail(id, format!("{url} {why}"), "owlctl restart"),
    }
}

/// Each model server that has models, as the daemon knows it.
pub(super) fn backends(live: &Live) -> Vec<Check> {
    let id = "backend";
    let known = live.backends.iter().filter(|it| !it.models.is_empty());
    let mut checks: Vec<Check> = known.clone().take(MAX_BACKENDS).map(backend).collect();
    let n_more = known.count().saturating_sub(MAX_BACKENDS);
    if n_more > 0 {
        checks.push(Check::skip(id, format!("{n_more} more: owlctl backends")));
    }
    if checks.is_empty() {
        checks.push(Check::skip(id, "the daemon knows no model server"));
    }
    checks
}

fn backend(backend: &Backend) -> Check {
    let check = "backend";
    let id = printable(&backend.id);
    let open: Vec<String> = backend.models.iter().filter_map(open_breaker).collect();
    let breakers = match open.as_slice() {
        [] => String::new(),
        open => format!("; not asked for now: {}", open.join(", ")),
    };
    if backend.state == "down" {
        let detail = format!("{id} is down: {}{breakers}", backend.detail);
        let remedy = format!("start or mend it, then: owlctl backends probe {id}");
        return Check::fail(check, printable(&detail), remedy);
    }
    let n_models = count(backend.models.len(), "model");
    let how = match backend.state.as_str() {
        "up" => "is up",
        _ => "was not heard of yet",
    };
    let detail = printable(&format!("{id} {how}, {n_models}{breakers}")).into_owned();
    if open.is_empty() {
        Check::ok(check, detail)
    } else {
        let remedy = format!("once it works again: owlctl backends reset-breaker {id}");
        Check::warn(check, detail, remedy)
    }
}

/// What keeps a model from being asked, if anything does.
fn open_breaker(model: &BackendModel) -> Option<String> {
    if model.breaker != "open" {
        return None;
    }
    let n_failures = count(model.n_failures as usize, "failure");
    let again = model.retry_in_ms.map_or_else(String::new, |millis| {
        format!(", again in {} s", millis.div_ceil(1000))
    });
    Some(format!("`{}` ({n_failures} in a row{again})", model.id))
}

/// Whether the configuration on disk is the one in force.
pub(super) fn in_force(live: &Live) -> Check {
    let id = "in_force";
    let config = &live.config;
    let generation = format!("generation {}", config.generation);
    if config.rejected_at_ms != 0 {
        let (first, n_more) = match config.problems.split_first() {
            Some((first, rest)) => (place_of(first), rest.len()),
            None => (String::new(), 0),
        };
        let more = match n_more {
            0 => String::new(),
            n_more => format!(" (and {n_more} more)"),
        };
        let detail = format!("{generation} stays in force, the file was rejected: {first}{more}");
        let remedy = "correct the file (owlctl validate), then: owlctl reload";
        return Check::warn(id, printable(&detail), remedy);
    }
    if config.rolled_back_from != 0 {
        let from = config.rolled_back_from;
        let detail = format!("{generation}, rolled back from {from}, which the file still says");
        let remedy =
            "correct the file, then: owlctl reload (owlctl config diff tells what it says)";
        return Check::warn(id, detail, remedy);
    }
    if !config.pending_restart.is_empty() {
        let keys = config.pending_restart.join(", ");
        let detail = format!("{generation}, but for {keys}: after a restart");
        return Check::warn(id, printable(&detail), "owlctl restart");
    }
    Check::ok(id, generation)
}

/// As compilers write it.
fn place_of(problem: &ConfigProblem) -> String {
    let line = match (problem.line, problem.column) {
        (0, _) => String::new(),
        (line, 0) => format!(":{line}"),
        (line, column) => format!(":{line}:{column}"),
    };
    let file = match problem.file.as_str() {
        "" => String::new(),
        file => format!("{file}{line}: "),
    };
    let path = match problem.path.as_str() {
        "" => String::new(),
        path => format!("{path}: "),
    };
    format!("{file}{path}{} [{}]", problem.message, problem.code)
}

pub(super) fn config_watch(live: &Live) -> Check {
    let id = "config_watch";
    match live.config.watch_mode.as_str() {
        "polling" => Check::warn(
            id,
            "changes of the files are noticed late: the system gives no watches, and they are read \
             every few seconds",
            "sudo sysctl fs.inotify.max_user_watches=131072 fs.inotify.max_user_instances=256, then: \
             owlctl restart",
        ),
        _ => Check::ok(id, "changes of the files are noticed at once"),
    }
}

/// Audit records and log lines that were lost.
pub(super) fn records(live: &Live) -> Check {
    let id = "records";
    let storage = live.status.storage.clone().unwrap_or_default();
    let n_lines = counter(&live.metrics, "owlcoda_log_lines_dropped_total");
    let n_records = storage.n_audit_dropped;
    if n_records == 0 && n_lines == 0 {
        return Check::ok(id, "no audit record and no log line was dropped");
    }
    let detail = format!("dropped since the start: {n_records} audit records, {n_lines} log lines");
    let remedy =
        "see why: owlctl logs --level warn; a disk that is slow or full is the usual reason";
    Check::warn(id, detail, remedy)
}

/// The value of a counter without labels; 0 where it is not there.
fn counter(metrics: &str, name: &str) -> u64 {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

pub(super) fn storage(live: &Live, place: &Place) -> Check {
    let id = "storage";
    let storage = live.status.storage.clone().unwrap_or_default();
    let home = place.home.display();
    if storage.integrity != "ok" {
        let detail = format!("degraded: {}", storage.integrity);
        let remedy = format!("owlctl stop, then: owlcodad storage repair --home {home}");
        return Check::fail(id, printable(&detail), remedy);
    }
    let held = format!(
        "{} audit records, {} conversations, {} MiB",
        storage.n_audit_records,
        storage.n_sessions,
        storage.size_bytes >> 20
    );
    if storage.n_outages > 0 {
        let n_outages = count(
            usize::try_from(storage.n_outages).unwrap_or(usize::MAX),
            "time",
        );
        let detail = format!("{held}; could not be written {n_outages}, and works again");
        return Check::warn(
            id,
            detail,
            "make room, or see why: owlctl logs --level warn",
        );
    }
    Check::ok(id, held)
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::{ConfigStatus, StatusResponse, Storage};

    use super::*;
    use crate::offline::doctor::State;

    fn with_storage(storage: Storage) -> Live {
        Live {
            status: StatusResponse {
                storage: Some(storage),
                ..StatusResponse::default()
            },
            ..Live::default()
        }
    }

    #[test]
    fn what_was_dropped_or_could_not_be_written_is_told_with_its_number() {
        let well = Storage {
            integrity: "ok".to_owned(),
            ..Storage::default()
        };
        let place = Place {
            home: "/home/ada/.owlcoda".into(),
            socket: "/s".into(),
        };
        let live = with_storage(well.clone());
        assert_eq!(records(&live).state, State::Ok);
        assert_eq!(storage(&live, &place).state, State::Ok);
        let mut live = with_storage(Storage {
            n_audit_dropped: 3,
            n_outages: 2,
            ..well.clone()
        });
        live.metrics = "# HELP x\nowlcoda_log_lines_dropped_total 7\n".to_owned();
        let check = records(&live);
        assert_eq!(check.state, State::Warn);
        assert!(
            check.detail.contains("3 audit records, 7 log lines"),
            "{check:?}"
        );
        let check = storage(&live, &place);
        assert_eq!(check.state, State::Warn);
        assert!(check.detail.contains("2 times"), "{check:?}");
        let lost = with_storage(Storage {
            integrity: "a tail is missing".to_owned(),
            ..well
        });
        let check = storage(&lost, &place);
        assert_eq!(check.state, State::Fail);
        let remedy = check.remedy.unwrap();
        assert!(
            remedy.ends_with("storage repair --home /home/ada/.owlcoda"),
            "{remedy}"
        );
    }

    #[test]
    fn a_model_server_that_is_down_fails_and_an_open_breaker_needs_a_look() {
        let model = |breaker: &str| BackendModel {
            id: "small".to_owned(),
            breaker: breaker.to_owned(),
            n_failures: 5,
            retry_in_ms: Some(29_500),
            ..BackendModel::default()
        };
        let of = |state: &str, breaker: &str| {
            backend(&Backend {
                id: "vllm".to_owned(),
                state: state.to_owned(),
                detail: "connection refused".to_owned(),
                models: vec![model(breaker)],
                ..Backend::default()
            })
        };
        assert_eq!(of("up", "closed").detail, "vllm is up, 1 model");
        assert_eq!(of("unknown", "closed").state, State::Ok);
        let open = of("up", "open");
        assert_eq!(open.state, State::Warn);
        assert_eq!(
            open.detail,
            "vllm is up, 1 model; not asked for now: `small` (5 failures in a row, again in 30 s)"
        );
        let down = of("down", "open");
        assert_eq!(down.state, State::Fail);
        assert!(
            down.detail
                .starts_with("vllm is down: connection refused; not asked")
        );
        assert_eq!(backends(&Live::default())[0].state, State::Skip);
    }

    #[test]
    fn a_watch_that_polls_and_a_file_that_waits_or_was_rejected_are_told() {
        let live = |config: ConfigStatus| Live {
            config,
            ..Live::default()
        };
        let polling = live(ConfigStatus {
            watch_mode: "polling".to_owned(),
            ..ConfigStatus::default()
        });
        assert_eq!(config_watch(&polling).state, State::Warn);
        assert_eq!(
            config_watch(&live(ConfigStatus::default())).state,
            State::Ok
        );
        let pending = in_force(&live(ConfigStatus {
            generation: 2,
            pending_restart: vec!["port".to_owned()],
            ..ConfigStatus::default()
        }));
        assert_eq!(pending.remedy.as_deref(), Some("owlctl restart"));
        let rolled_back = in_force(&live(ConfigStatus {
            generation: 3,
            rolled_back_from: 2,
            ..ConfigStatus::default()
        }));
        assert_eq!(rolled_back.state, State::Warn);
        assert!(
            rolled_back
                .detail
                .starts_with("generation 3, rolled back from 2")
        );
        let rejected = in_force(&live(ConfigStatus {
            rejected_at_ms: 5,
            problems: vec![ConfigProblem {
                file: "/c.json".to_owned(),
                line: 4,
                path: "prot".to_owned(),
                message: "did you mean\u{1b} `port`?".to_owned(),
                code: "UNKNOWN_KEY".to_owned(),
                ..ConfigProblem::default()
            }],
            ..ConfigStatus::default()
        }));
        assert_eq!(rejected.state, State::Warn);
        let told = "/c.json:4: prot: did you mean  `port`? [UNKNOWN_KEY]";
        assert!(rejected.detail.ends_with(told), "{rejected:?}");
    }
}
