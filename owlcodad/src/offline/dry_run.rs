//! `owlcodad serve --dry-run`: everything that a start depends on, in four steps, and then an end.

use std::net::SocketAddr;

use owlcoda_types::ErrorCode;
use serde::Serialize;

use crate::cli::ServeArgs;
use crate::failure::Failure;
use crate::offline::doctor::{self, State};
use crate::offline::document::json;
use crate::offline::text::wrapped;
use crate::offline::validate::{ValidationRow, Verdict};
use crate::offline::{Answer, Ground, wait_for};

#[derive(Serialize)]
struct DryRun<'d> {
    /// Whether a start would serve.
    is_ready: bool,
    /// Whether a daemon of this home runs already, which must end first.
    is_daemon_running: bool,
    steps: Vec<Step>,
    validation: ValidationRow<'d>,
    checks: Vec<doctor::Row<'d>>,
}

#[derive(Serialize)]
struct Step {
    number: usize,
    name: &'static str,
    state: State,
    detail: String,
}

pub(super) fn run(args: &ServeArgs) -> Result<Answer, Failure> {
    let args = args.resolved();
    let ground = Ground::with_socket(&args.place, args.socket.as_deref())?;
    let verdict = Verdict::of(&ground.source, &ground.env);
    let examination = wait_for(doctor::examine(&ground, &verdict))?;
    let is_running = examination.is_daemon_running;
    let checks = examination.checks;
    let ports = checks.iter().find(|check| check.id == "port");
    let (port_state, port_detail) = ports.map_or_else(
        || (State::Skip, "the configuration is not valid".to_owned()),
        |check| match (check.state, is_running) {
            (State::Ok, true) => {
                let detail = format!("{}, which must end first", check.detail);
                (State::Warn, detail)
            }
            (state, _) => (state, check.detail.clone()),
        },
    );
    let others: Vec<_> = checks.iter().filter(|check| check.id != "port").collect();
    let worst = doctor::worst(others.iter().map(|check| check.state));
    let n_bad = others
        .iter()
        .filter(|check| check.state > State::Ok)
        .count();
    let steps = [
        ("config", State::Ok, source(&ground, &verdict)),
        (
            "validate",
            match (verdict.is_valid(), verdict.problems.is_empty()) {
                (false, _) => State::Fail,
                (true, false) => State::Warn,
                (true, true) => State::Ok,
            },
            verdict.summary(),
        ),
        ("ports", port_state, port_detail),
        (
            "doctor",
            worst,
            format!("{n_bad} of {} checks need a look", others.len()),
        ),
    ];
    let steps = steps.into_iter().enumerate();
    let steps: Vec<Step> = steps
        .map(|(idx, (name, state, detail))| Step {
            number: idx + 1,
            name,
            state,
            detail,
        })
        .collect();
    let is_ready = steps.iter().all(|step| step.state != State::Fail);
    let status = match (verdict.is_valid(), is_ready) {
        (false, _) => ErrorCode::InvalidConfig.exit_status(),
        (true, false) => 1,
        (true, true) => 0,
    };
    let mut text = String::new();
    for step in &steps {
        let head = format!(
            "{}/4 {:<9} {:<5} ",
            step.number,
            step.name,
            step.state.as_str()
        );
        text.push_str(&wrapped(&head, &step.detail));
        if step.name == "validate" {
            for problem in &verdict.problems {
                text.push_str(&wrapped("    ", &problem.to_string()));
            }
        }
        let of_step = |check: &&doctor::Check| match step.name {
            "ports" => check.id == "port",
            "doctor" => check.id != "port" && check.state > State::Ok,
            _ => false,
        };
        for check in checks.iter().filter(of_step) {
            if step.name == "doctor" {
                text.push_str(&check.line("    "));
            }
            text.push_str(&check.remedy_line("    "));
        }
    }
    let verdict_line = match (is_ready, is_running) {
        (true, false) => "a start now would serve; nothing was started (--dry-run)",
        (true, true) => {
            "a start would serve once the daemon that runs has ended; nothing was started \
             (--dry-run)"
        }
        (false, _) => {
            "a start would fail, or not serve every model; nothing was started (--dry-run)"
        }
    };
    text.push_str(&wrapped("", verdict_line));
    let body = DryRun {
        is_ready,
        is_daemon_running: is_running,
        steps,
        validation: verdict.row(),
        checks: checks
            .iter()
            .enumerate()
            .map(|(idx, check)| check.row(idx + 1))
            .collect(),
    };
    Ok(Answer {
        text,
        json: json("DryRun", &body),
        status,
    })
}

/// Which files are read, and where the daemon would be.
fn source(ground: &Ground, verdict: &Verdict) -> String {
    let file = verdict.file.as_deref().unwrap_or("no file");
    let home = ground.place.home.display();
    let address = verdict.loaded.as_ref().map(|loaded| {
        let server = &loaded.config.server;
        format!(", http://{}", SocketAddr::new(server.host, server.port))
    });
    format!(
        "{file}, data directory {home}{}",
        address.unwrap_or_default()
    )
}
