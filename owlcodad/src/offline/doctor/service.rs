//! The units of a service manager: whether one of ours failed, why, and what mends it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use owlcoda_supervise::process::{Process, ProcessSpec};
use owlcoda_types::{clip, printable};

use super::Check;

/// Longest wait for the service manager to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// Most bytes of its answer that are read.
const MAX_ANSWER_BYTES: u64 = 16 << 10;

/// What is asked of each unit.
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,Result,ExecMainStatus";

/// One of the two service managers that may have units of ours.
#[derive(Clone, Copy, Debug)]
enum Manager {
    User,
    System,
}

impl Manager {
    const fn systemctl(self) -> &'static str {
        match self {
            Self::User => "systemctl --user",
            Self::System => "systemctl",
        }
    }

    const fn journalctl(self) -> &'static str {
        match self {
            Self::User => "journalctl --user",
            Self::System => "journalctl",
        }
    }

    const fn owner(self) -> &'static str {
        match self {
            Self::User => "your own",
            Self::System => "the machine's",
        }
    }

    const fn units(self) -> &'static [&'static str] {
        match self {
            Self::User => &["owlcodad.service", "owlcodad.socket"],
            Self::System => &[
                "owlcodad.service",
                "owlcodad.socket",
                "owlcodad-control.socket",
            ],
        }
    }
}

/// What systemd says of a unit, by the names of its properties.
type Unit = BTreeMap<String, String>;

pub(super) async fn units() -> Vec<Check> {
    let id = "service";
    let mut checks = Vec::new();
    for manager in [Manager::User, Manager::System] {
        let said = asked(manager).await.unwrap_or_default();
        checks.extend(judge(manager, &units_in(&said)));
    }
    if checks.is_empty() {
        checks.push(Check::skip(
            id,
            "no unit of ours is known to a systemd here",
        ));
    }
    checks
}

/// What `systemctl show` prints; empty where there is no systemd to be asked.
async fn asked(manager: Manager) -> io::Result<String> {
    let (mut answer, theirs) = io::pipe()?;
    let mut words = manager.systemctl().split(' ').skip(1).collect::<Vec<_>>();
    words.extend(["show", "--no-pager", PROPERTIES]);
    words.extend(manager.units());
    let mut process = Process::spawn(ProcessSpec {
        program: PathBuf::from("systemctl"),
        args: words.into_iter().map(Into::into).collect(),
        env: BTreeMap::new(),
        dir: PathBuf::from("/"),
        log: File::from(OwnedFd::from(theirs)),
    })
    .await?;
    let ended = tokio::time::timeout(ANSWER, process.wait()).await;
    // Ended or not, nobody writes any more.
    drop(process);
    if !ended.is_ok_and(|status| status.is_ok_and(|status| status.success())) {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    answer
        .by_ref()
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The units of an answer: lines `Name=value`, with an empty line between two.
fn units_in(said: &str) -> Vec<Unit> {
    said.split("\n\n")
        .map(|block| {
            let lines = block.lines().filter_map(|line| line.split_once('='));
            let line = |(name, value): (&str, &str)| {
                (name.to_owned(), clip(&printable(value), 80).into_owned())
            };
            lines.map(line).collect::<Unit>()
        })
        .filter(|unit| !unit.is_empty())
        .collect()
}

/// The worst of a manager's units; none where it has none of ours.
fn judge(manager: Manager, units: &[Unit]) -> Option<Check> {
    let id = "service";
    let of = |unit: &Unit, name: &str| unit.get(name).cloned().unwrap_or_default();
    let known = units
        .iter()
        .filter(|unit| of(unit, "LoadState") != "not-found");
    let known: Vec<_> = known.collect();
    let first = *known.first()?;
    let owner = manager.owner();
    let (systemctl, journalctl) = (manager.systemctl(), manager.journalctl());
    if let Some(unit) = known.iter().find(|unit| of(unit, "LoadState") != "loaded") {
        let (name, state) = (of(unit, "Id"), of(unit, "LoadState"));
        let remedy = match &*state {
            "masked" => format!("{systemctl} unmask {name}"),
            _ => format!(
                "see why: {systemctl} status {name}; as it was shipped: owlctl service install --force"
            ),
        };
        return Some(Check::fail(
            id,
            format!("{owner} {name} is {state}"),
            remedy,
        ));
    }
    if let Some(unit) = known
        .iter()
        .find(|unit| of(unit, "Result").ends_with("start-limit-hit"))
    {
        let name = of(unit, "Id");
        return Some(Check::fail(
            id,
            format!("{owner} {name} was started too often and is given up"),
            format!(
                "see why: {journalctl} -n 20 -u owlcodad.service; then {systemctl} reset-failed 'owlcodad*' and \
                 {systemctl} start {name}"
            ),
        ));
    }
    if let Some(unit) = known
        .iter()
        .find(|unit| of(unit, "ActiveState") == "failed")
    {
        let name = of(unit, "Id");
        let (why, remedy) = why_failed(&of(unit, "Result"), &of(unit, "ExecMainStatus"));
        let remedy = remedy.map_or_else(
            || format!("see why: {journalctl} -n 20 -u {name}"),
            |remedy| format!("{remedy}; then {systemctl} restart {name}"),
        );
        return Some(Check::fail(
            id,
            format!("{owner} {name} failed: {why}"),
            remedy,
        ));
    }
    if let Some(unit) = known
        .iter()
        .find(|unit| of(unit, "SubState") == "auto-restart")
    {
        let name = of(unit, "Id");
        return Some(Check::warn(
            id,
            format!("{owner} {name} ends and is started again"),
            format!("see why: {journalctl} -n 20 -u {name}"),
        ));
    }
    let (name, state) = (of(first, "Id"), of(first, "ActiveState"));
    Some(Check::ok(id, format!("{owner} {name} is {state}")))
}

/// What a failed unit's result and exit status mean, and what mends it where that is known.
fn why_failed(result: &str, status: &str) -> (String, Option<&'static str>) {
    let (why, remedy) = match (result, status) {
        ("exit-code", "78") => (
            "its configuration or a file of its cannot be used",
            Some("owlcodad validate, as its user"),
        ),
        ("exit-code", "75") => (
            "another daemon, or another program at its port, was in the way",
            Some("owlctl stop, or another `port`"),
        ),
        ("exit-code", "203") => (
            "its program is not there or cannot be run",
            Some("owlctl service install --force"),
        ),
        ("exit-code", "216" | "217") => (
            "its user or group is not there",
            Some("systemd-sysusers, as root"),
        ),
        ("watchdog", _) => ("it hung, and was ended", None),
        ("timeout", _) => ("it took too long to start or to end", None),
        _ => return (format!("{result}, status {status}"), None),
    };
    (why.to_owned(), remedy)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    /// An answer about a service with these properties, and its sockets, which are well.
    fn said(service: &str) -> String {
        let socket = |name: &str| {
            format!("Id={name}\nLoadState=loaded\nActiveState=active\nResult=success\n")
        };
        format!(
            "Id=owlcodad.service\n{service}\n\n{}\n{}",
            socket("owlcodad.socket"),
            socket("owlcodad-control.socket")
        )
    }

    #[test]
    fn each_way_of_a_unit_to_fail_says_what_mends_it() {
        let failed = |result: &str, status: u32| {
            said(&format!(
                "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult={result}\nExecMainStatus={status}"
            ))
        };
        let cases = [
            (failed("exit-code", 78), "cannot be used", "owlcodad validate"),
            (failed("exit-code", 75), "in the way", "owlctl stop"),
            (failed("exit-code", 203), "cannot be run", "service install --force"),
            (failed("exit-code", 217), "user or group", "systemd-sysusers"),
            (failed("exit-code", 1), "exit-code, status 1", "journalctl --user -n 20"),
            (failed("watchdog", 6), "hung", "journalctl --user -n 20"),
            (failed("timeout", 15), "too long", "journalctl --user -n 20"),
            (failed("start-limit-hit", 78), "too often", "reset-failed 'owlcodad*'"),
            (
                said("LoadState=loaded\nActiveState=active").replace(
                    "Id=owlcodad.socket\nLoadState=loaded\nActiveState=active\nResult=success",
                    "Id=owlcodad.socket\nLoadState=loaded\nActiveState=failed\nResult=service-start-limit-hit",
                ),
                "owlcodad.socket was started too often",
                "systemctl --user start owlcodad.socket",
            ),
            (said("LoadState=masked\nActiveState=inactive"), "masked", "unmask"),
            (said("LoadState=bad-setting"), "bad-setting", "service install --force"),
        ];
        for (said, detail, remedy) in cases {
            let check = judge(Manager::User, &units_in(&said)).unwrap();
            assert_eq!(check.state, State::Fail, "{check:?}");
            assert!(check.detail.contains(detail), "{check:?}");
            assert!(check.detail.starts_with("your own owlcodad"), "{check:?}");
            assert!(check.remedy.as_ref().unwrap().contains(remedy), "{check:?}");
        }
    }

    #[test]
    fn a_unit_that_is_well_is_ok_one_that_comes_back_a_warning_and_none_nothing() {
        let well = said("LoadState=loaded\nActiveState=active\nSubState=running\nResult=success");
        let check = judge(Manager::System, &units_in(&well)).unwrap();
        assert_eq!(
            (check.state, &*check.detail),
            (State::Ok, "the machine's owlcodad.service is active")
        );
        let again = said("LoadState=loaded\nActiveState=activating\nSubState=auto-restart");
        let check = judge(Manager::System, &units_in(&again)).unwrap();
        assert_eq!(check.state, State::Warn, "{check:?}");
        let none = "Id=owlcodad.service\nLoadState=not-found\nActiveState=inactive\n";
        assert_eq!(judge(Manager::User, &units_in(none)), None);
        assert_eq!(judge(Manager::User, &units_in("")), None);
    }
}
