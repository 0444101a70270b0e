//! `owlctl service`: the daemon under a service manager. The files are those of the package, to the
//! byte but for the directory of the programs; nothing is started.

mod files;

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use owlcoda_proto::printable;
use serde::Serialize;

use self::files::{Kind, ServiceFile};
use crate::cli::Global;
use crate::cli::service::{KindArgs, ServiceArgs, ServiceVerb};
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Report;
use crate::table::{Side, Table};

/// Largest file that is compared, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// How a file on disk stands to the one that would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Absent,
    AsShipped,
    Edited,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::AsShipped => "as shipped",
            Self::Edited => "edited",
        }
    }
}

#[derive(Serialize)]
struct Service<'a> {
    /// `user`, `system` or `launchd`.
    #[serde(rename = "service")]
    name: &'a str,
    /// Whether every file is there as it is shipped.
    is_installed: bool,
    files: Vec<Row>,
    /// What to run next.
    next: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    state: State,
    /// `written`, `removed`, `kept`, or null where nothing was to be done.
    done: Option<&'static str>,
}

pub(super) fn run(global: &Global, args: &ServiceArgs) -> Result<Report, CommandError> {
    match &args.verb {
        ServiceVerb::Install(args) if args.print => print(&Plan::of(&args.kind)?, global),
        ServiceVerb::Install(args) => install(&Plan::of(&args.kind)?, global, args.force),
        ServiceVerb::Uninstall(args) => uninstall(&Plan::of(&args.kind)?, global, args.force),
        ServiceVerb::Status(args) => status(&Plan::of(&args.kind)?, global),
    }
}

/// The files of one service, each at its place.
struct Plan {
    kind: Kind,
    files: Vec<(PathBuf, String)>,
    /// Whether the places are those of this very machine.
    is_here: bool,
}

impl Plan {
    fn of(args: &KindArgs) -> Result<Self, CommandError> {
        let kind = Kind::of(args);
        let environment = owlcoda_proto::Environment::of_process();
        let base = kind.base(&environment).ok_or(CommandError::NoHome)?;
        let programs = programs();
        let place = |file: &ServiceFile| {
            let path = base.join(file.path);
            let inside = path.strip_prefix("/").unwrap_or(&path).to_path_buf();
            (args.root.join(inside), file.text_for(&programs))
        };
        Ok(Self {
            kind,
            files: kind.files().iter().map(place).collect(),
            is_here: args.root == Path::new("/"),
        })
    }

    fn states(&self) -> Result<Vec<(&Path, &str, State)>, CommandError> {
        let files = self.files.iter();
        files
            .map(|(path, text)| Ok((path.as_path(), text.as_str(), state(path, text)?)))
            .collect()
    }

    fn report(&self, global: &Global, rows: Vec<Row>, next: Vec<String>) -> Report {
        let next = if self.is_here { next } else { Vec::new() };
        let body = Service {
            name: self.kind.as_str(),
            is_installed: rows.iter().all(|row| row.state == State::AsShipped),
            files: rows,
            next,
        };
        if global.json {
            return Report::data(json("Service", &body));
        }
        let columns = [
            ("STATE", Side::Left),
            ("DONE", Side::Left),
            ("FILE", Side::Left),
        ];
        let mut table = Table::with_columns(columns);
        for row in &body.files {
            table.push([row.state.as_str(), row.done.unwrap_or_default(), &row.path]);
        }
        let mut text = table.lines().join("\n");
        text.push('\n');
        if !body.next.is_empty() {
            text.push_str("Next\n");
        }
        for command in &body.next {
            // A write to a string does not fail.
            let _ = writeln!(text, "  {}", printable(command));
        }
        Report::data(text)
    }
}

/// The files as they would be, with their places.
fn print(plan: &Plan, global: &Global) -> Result<Report, CommandError> {
    if global.json {
        return status(plan, global);
    }
    let mut out = String::new();
    for (path, text) in &plan.files {
        let shown = path.to_string_lossy();
        let _ = writeln!(out, "# {}", printable(&shown));
        out.push_str(text);
        out.push('\n');
    }
    Ok(Report::data(out))
}

fn status(plan: &Plan, global: &Global) -> Result<Report, CommandError> {
    let rows = plan.states()?.into_iter();
    let rows: Vec<_> = rows
        .map(|(path, _, state)| row(path, state, None))
        .collect();
    let is_there = rows.iter().any(|row| row.state != State::Absent);
    let next = if is_there {
        plan.kind.ask()
    } else {
        vec![plan.kind.how_to_install()]
    };
    Ok(plan.report(global, rows, next))
}

fn install(plan: &Plan, global: &Global, force: bool) -> Result<Report, CommandError> {
    let states = plan.states()?;
    let is_replaced = |state| state == State::Edited && force;
    let mut rows = Vec::new();
    let mut n_kept = 0;
    for (path, text, state) in states {
        rows.push(if state == State::Absent || is_replaced(state) {
            write(path, text).map_err(CommandError::of_file(path))?;
            row(path, State::AsShipped, Some("written"))
        } else if state == State::Edited {
            n_kept += 1;
            row(path, state, Some("kept"))
        } else {
            row(path, state, None)
        });
    }
    Ok(kept(plan.report(global, rows, plan.kind.start()), n_kept))
}

fn uninstall(plan: &Plan, global: &Global, force: bool) -> Result<Report, CommandError> {
    let mut rows = Vec::new();
    let mut n_kept = 0;
    for (path, _, state) in plan.states()? {
        rows.push(match state {
            State::Absent => row(path, state, None),
            State::Edited if !force => {
                n_kept += 1;
                row(path, state, Some("kept"))
            }
            State::Edited | State::AsShipped => {
                fs_err::remove_file(path).map_err(CommandError::of_file(path))?;
                row(path, State::Absent, Some("removed"))
            }
        });
    }
    Ok(kept(
        plan.report(global, rows, plan.kind.after_removal()),
        n_kept,
    ))
}

/// Says that edited files stayed, which is not what was asked for.
fn kept(report: Report, n_files: usize) -> Report {
    if n_files == 0 {
        return report;
    }
    let remark = format!(
        "owlctl: {n_files} edited files stay as they are; --force does it all the same, and a change \
         of your own is safer in a drop-in (systemctl edit)"
    );
    report.and_remark(&remark).ending(Exit::Failed)
}

fn row(path: &Path, state: State, done: Option<&'static str>) -> Row {
    Row {
        path: path.to_string_lossy().into_owned(),
        state,
        done,
    }
}

fn state(path: &Path, text: &str) -> Result<State, CommandError> {
    let file = match std::fs::OpenOptions::new().read(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
        opened => opened.map_err(CommandError::of_file(path))?,
    };
    let mut there = Vec::new();
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut there)
        .map_err(CommandError::of_file(path))?;
    Ok(if there == text.as_bytes() {
        State::AsShipped
    } else {
        State::Edited
    })
}

/// Everybody may read a unit; the old file or the new one is there whenever the power goes.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    std::fs::DirBuilder::new().recursive(true).create(dir)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".next");
    let next = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644);
    let mut file = options.open(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(next, path)
}

/// Where the programs are that came with this one.
fn programs() -> PathBuf {
    let us = std::env::current_exe().ok();
    let dir = us.and_then(|us| us.parent().map(Path::to_path_buf));
    dir.unwrap_or_else(|| PathBuf::from(files::PROGRAMS))
}
