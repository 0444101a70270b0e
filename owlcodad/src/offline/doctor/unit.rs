//! The units of the service manager: whether one has given up starting the daemon.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use owlcoda_supervise::process::{Process, ProcessSpec};
use owlcoda_types::printable;

use super::{Check, worst};

const ID: &str = "service";

/// How long the service manager may take to answer.
const ASK: Duration = Duration::from_secs(2);

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// The user's unit and the machine's: what is typed before the verb to mean it.
const SCOPES: [&str; 2] = ["--user", "--system"];

/// Asks systemd for both units at a time. Where there is none, or it has neither, there is nothing to
/// look at.
pub(super) async fn look() -> Check {
    let [user, system] = SCOPES;
    let (user_says, system_says) = tokio::join!(ask(user), ask(system));
    let found: Vec<Check> = [(user, user_says), (system, system_says)]
        .into_iter()
        .filter_map(|(scope, said)| judge(scope, &said.ok()?))
        .collect();
    let worst_state = worst(found.iter().map(|check| check.state));
    let worst_one = found.into_iter().find(|check| check.state == worst_state);
    worst_one.unwrap_or_else(|| Check::skip(ID, "no unit of systemd is installed"))
}

/// What `systemctl show` says of the unit in this scope.
async fn ask(scope: &str) -> io::Result<String> {
    let (reader, writer) = io::pipe()?;
    let args = [
        scope,
        "show",
        "owlcodad.service",
        "--property=LoadState,ActiveState,SubState,Result,NRestarts",
    ];
    let started = Process::spawn(ProcessSpec {
        program: "systemctl".into(),
        args: args.map(OsString::from).to_vec(),
        env: BTreeMap::new(),
        dir: "/".into(),
        log: File::from(OwnedFd::from(writer)),
    });
    let mut process = started.await?;
    let ended = tokio::time::timeout(ASK, process.wait()).await;
    let is_told = ended.is_ok_and(|status| status.is_ok_and(|status| status.success()));
    drop(process);
    if !is_told {
        return Err(io::Error::other("the service manager did not answer"));
    }
    // Nobody holds the other end any more, and the answer fits the pipe.
    let mut said = String::new();
    reader.take(MAX_ANSWER_BYTES).read_to_string(&mut said)?;
    Ok(said)
}

/// None where there is no such unit.
fn judge(scope: &str, said: &str) -> Option<Check> {
    let value = |name: &str| {
        let mut lines = said.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default()
    };
    if value("LoadState") != "loaded" {
        return None;
    }
    let (state, result) = (value("ActiveState"), value("Result"));
    let sudo = if scope == "--user" { "" } else { "sudo " };
    let systemctl = format!("{sudo}systemctl {scope}");
    let begin_anew =
        format!("{systemctl} reset-failed owlcodad.service; {systemctl} start owlcodad.service");
    let whose = if scope == "--user" {
        "your unit"
    } else {
        "the machine's unit"
    };
    Some(if result == "start-limit-hit" {
        Check::fail(
            ID,
            format!("{whose} was started too often, and systemd has given it up"),
            format!("see why (owlctl doctor above, owlctl logs), then: {begin_anew}"),
        )
    } else if state == "failed" {
        let detail = format!("{whose} has failed: {}", printable(result));
        Check::fail(ID, detail, format!("mend that, then: {begin_anew}"))
    } else {
        let (sub, n_restarts) = (value("SubState"), value("NRestarts"));
        let restarts = match n_restarts {
            "" | "0" => String::new(),
            n => format!(", started anew {n} times"),
        };
        let detail = format!("{whose} is {state} ({sub}){restarts}");
        Check::ok(ID, printable(&detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::doctor::State;

    #[test]
    fn a_unit_that_was_given_up_is_told_with_the_way_back() {
        let said = |active: &str, result: &str| {
            format!(
                "LoadState=loaded\nActiveState={active}\nSubState=x\nResult={result}\nNRestarts=5\n"
            )
        };
        let given_up = judge("--user", &said("failed", "start-limit-hit")).unwrap();
        assert_eq!(given_up.state, State::Fail);
        let remedy = given_up.remedy.unwrap();
        assert!(remedy.ends_with(
            "systemctl --user reset-failed owlcodad.service; systemctl --user start owlcodad.service"
        ), "{remedy}");
        let failed = judge("--system", &said("failed", "exit-code")).unwrap();
        assert_eq!(failed.state, State::Fail);
        assert!(failed.detail.ends_with("has failed: exit-code"));
        let runs = judge("--system", &said("active", "success")).unwrap();
        assert_eq!(runs.state, State::Ok);
        assert!(runs.detail.ends_with("is active (x), started anew 5 times"));
        assert_eq!(judge("--user", "LoadState=not-found\n"), None);
        assert_eq!(judge("--user", ""), None);
    }
}
