//! `owlcodad doctor`: looks at everything that serving depends on, and says what mends it.
//!
//! Nothing is changed unless `--fix` asks for it, and nothing waits for long: every look at another
//! program has a limit. What can be seen without a daemon comes first, then what one that runs tells.

mod bundle;
mod files;
mod live;
mod machine;
mod mend;
mod network;
mod servers;
mod service;

use std::path::Path;

use serde::{Serialize, Serializer};

use crate::cli::DoctorArgs;
use crate::failure::Failure;
use crate::offline::config_show;
use crate::offline::document::{json, shown};
use crate::offline::text::wrapped;
use crate::offline::validate::Verdict;
use crate::offline::{Answer, Ground, wait_for};

/// The variable in which `owlctl` says of which version it is. A flag would stop an older program.
const ASKED_BY: &str = "OWLCODA_OWLCTL_VERSION";

/// How a check came out, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// There was nothing to look at.
    Skip,
    Ok,
    /// It serves, and somebody should know.
    Warn,
    /// Something does not work.
    Fail,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The worst of several.
pub(super) fn worst(states: impl Iterator<Item = State>) -> State {
    states.max().unwrap_or(State::Skip)
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// For programs: `port`, `model_server`.
    pub(crate) id: &'static str,
    pub(crate) state: State,
    /// What was seen.
    pub(crate) detail: String,
    /// What to run or to change. None where nothing has to be done.
    pub(crate) remedy: Option<String>,
}

impl Check {
    fn ok(id: &'static str, detail: impl Into<String>) -> Self {
        Self {
            id,
            state: State::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn skip(id: &'static str, detail: impl Into<String>) -> Self {
        Self {
            state: State::Skip,
            ..Self::ok(id, detail)
        }
    }

    fn warn(id: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Warn,
            remedy: Some(remedy.into()),
            ..Self::ok(id, detail)
        }
    }

    fn fail(id: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(id, detail, remedy)
        }
    }

    /// For people: `ok    model server   …`, after `indent`.
    pub(super) fn line(&self, indent: &str) -> String {
        let name = self.id.replace('_', " ");
        let head = format!("{indent}{:<5} {name:<13} ", self.state.as_str());
        wrapped(&head, &self.detail)
    }

    /// What mends it, on lines of its own; empty where nothing has to be done.
    pub(super) fn remedy_line(&self, indent: &str) -> String {
        self.remedy.as_deref().map_or_else(String::new, |remedy| {
            wrapped(&format!("{indent}      to mend it:   "), remedy)
        })
    }

    pub(super) fn row(&self, number: usize) -> Row<'_> {
        Row {
            number,
            id: self.id,
            state: self.state,
            detail: &self.detail,
            remedy: self.remedy.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Row<'c> {
    number: usize,
    id: &'c str,
    state: State,
    detail: &'c str,
    remedy: Option<&'c str>,
}

#[derive(Serialize)]
struct Doctor<'d> {
    /// The worst state of all checks.
    state: State,
    n_warn: usize,
    n_fail: usize,
    checks: Vec<Row<'d>>,
    /// What `--fix` has done, a command line each.
    mended: &'d [String],
    /// The file of `--bundle`; null without it.
    bundle: Option<String>,
}

/// What was seen of the machine.
#[derive(Debug)]
pub(super) struct Examination {
    /// In the order in which they are told.
    pub(super) checks: Vec<Check>,
    /// Whether a daemon of this home runs already.
    pub(super) is_daemon_running: bool,
}

pub(super) async fn examine(ground: &Ground, verdict: &Verdict) -> Examination {
    let daemon = files::Daemon::look(&ground.place).await;
    let mut checks = vec![
        files::configuration(ground, verdict),
        files::home(&ground.place.home),
        files::instance(&ground.place, &daemon),
        files::token(&ground.place.home),
    ];
    match &verdict.loaded {
        Some(loaded) => {
            let config = &loaded.config;
            checks.push(network::port(&config.server, &daemon));
            checks.extend(servers::look_at_all(config, ground).await);
            checks.push(servers::keys(config, &loaded.warnings));
            checks.push(machine::open_files(config.server.max_connections));
            checks.push(network::certificates(config, &ground.env));
        }
        None => checks.push(Check::skip(
            "model_server",
            "not asked: the configuration is not valid",
        )),
    }
    checks.push(network::proxies(&ground.env));
    checks.push(machine::disk(&ground.place.home));
    checks.push(machine::inotify());
    checks.push(machine::clock(&ground.config_path()));
    Examination {
        checks,
        is_daemon_running: daemon.is_running(),
    }
}

/// The same, and what only a daemon that runs and the service manager can tell.
async fn examine_all(ground: &Ground, verdict: &Verdict) -> Vec<Check> {
    let loaded = verdict.loaded.as_ref();
    let max_connections = loaded.map(|loaded| loaded.config.server.max_connections);
    let asked_by = ground
        .env
        .get(ASKED_BY)
        .and_then(|version| version.to_str());
    let (examination, live, units) = tokio::join!(
        examine(ground, verdict),
        live::look(&ground.place, max_connections, asked_by),
        service::units(),
    );
    let mut checks = examination.checks;
    checks.extend(live);
    checks.extend(units);
    checks
}

pub(super) fn run(args: &DoctorArgs) -> Result<Answer, Failure> {
    let ground = Ground::with_socket(&args.place, args.socket.as_deref())?;
    let verdict = Verdict::of(&ground.source, &ground.env);
    let mut mended = Vec::new();
    if args.fix {
        let daemon = wait_for(files::Daemon::look(&ground.place))?;
        mended = mend::mend(&ground.place, &daemon);
    }
    let checks = wait_for(examine_all(&ground, &verdict))?;
    let mut answer = answer(&checks, &mended, args.bundle.as_deref());
    if let Some(path) = &args.bundle {
        let mut parts = vec![bundle::Part::new("doctor.json", answer.json.as_bytes())];
        // A configuration that is not valid is in the checks.
        if let Ok(config) = config_show::run(&args.place) {
            parts.push(bundle::Part::new("config.json", config.json));
        }
        let loaded = verdict.loaded.as_ref();
        let log_file = loaded.and_then(|loaded| loaded.config.log_file.path.as_deref());
        parts.extend(bundle::of_home(&ground.place.home, log_file.map(Path::new)));
        bundle::write(path, &parts).map_err(|source| Failure::Write {
            path: path.clone(),
            source,
        })?;
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        answer.text.push_str(&wrapped(
            "bundle: ",
            &format!(
                "{} with {}; no key, prompt or answer is in it, but names of models, addresses and paths \
                 are: look before you give it away",
                shown(path),
                names.join(", ")
            ),
        ));
    }
    Ok(answer)
}

fn answer(checks: &[Check], mended: &[String], bundle: Option<&Path>) -> Answer {
    let n_of = |state| checks.iter().filter(|check| check.state == state).count();
    let (n_warn, n_fail) = (n_of(State::Warn), n_of(State::Fail));
    let mut text = String::new();
    for command in mended {
        text.push_str(&wrapped("mended: ", command));
    }
    for (idx, check) in checks.iter().enumerate() {
        text.push_str(&check.line(&format!("{:>2} ", idx + 1)));
        text.push_str(&check.remedy_line("   "));
    }
    let sum = match (n_fail, n_warn) {
        (0, 0) => "all is well".to_owned(),
        (0, _) => format!("it serves; {n_warn} of {} need a look", checks.len()),
        _ => format!(
            "{n_fail} of {} do not work, {n_warn} need a look",
            checks.len()
        ),
    };
    text.push_str(&sum);
    text.push('\n');
    let body = Doctor {
        state: worst(checks.iter().map(|check| check.state)),
        n_warn,
        n_fail,
        checks: checks
            .iter()
            .enumerate()
            .map(|(idx, check)| check.row(idx + 1))
            .collect(),
        mended,
        bundle: bundle.map(shown),
    };
    Answer {
        text,
        json: json("Doctor", &body),
        status: u8::from(n_fail > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_work_is_a_failure() {
        let ok = Check::ok("port", "free");
        let warn = Check::warn("home", "mode 0755", "chmod 700 /home/ada/.owlcoda");
        let fail = Check::fail("model_server", "no answer", "start it");
        let skip = Check::skip("token", "none yet");
        let status = |checks: &[&Check]| {
            let checks: Vec<_> = checks.iter().map(|check| (*check).clone()).collect();
            answer(&checks, &[], None).status
        };
        assert_eq!(status(&[&ok, &skip]), 0);
        assert_eq!(status(&[&ok, &warn]), 0);
        assert_eq!(status(&[&ok, &warn, &fail]), 1);
        let answer = answer(&[ok, warn, skip], &[], None);
        assert_eq!(
            answer.text,
            [
                " 1 ok    port          free",
                " 2 warn  home          mode 0755",
                "         to mend it:   chmod 700 /home/ada/.owlcoda",
                " 3 skip  token         none yet",
                "it serves; 1 of 3 need a look\n",
            ]
            .join("\n")
        );
        let document: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
        let row = |number: u8, id: &str, state: &str, detail: &str, remedy: Option<&str>| {
            serde_json::json!({
                "number": number, "id": id, "state": state, "detail": detail, "remedy": remedy,
            })
        };
        let mend = Some("chmod 700 /home/ada/.owlcoda");
        assert_eq!(
            document,
            serde_json::json!({
                "apiVersion": "owlcoda/v1", "kind": "Doctor", "state": "warn",
                "n_warn": 1, "n_fail": 0,
                "checks": [
                    row(1, "port", "ok", "free", None),
                    row(2, "home", "warn", "mode 0755", mend),
                    row(3, "token", "skip", "none yet", None),
                ],
                "mended": [], "bundle": null,
            })
        );
    }
}
