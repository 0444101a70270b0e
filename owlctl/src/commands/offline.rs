//! The verbs that need no running daemon: its program does them, and we show what it says.
//!
//! They are implemented there once. What is typed here is passed on, and the exit status back.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::cli::Global;
use crate::cli::offline::{ConfigVerb, ExportFormat, OfflineVerb};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Report;

/// The variable that tells the daemon's program of which version this one is.
const ASKED_BY: &str = "OWLCODA_OWLCTL_VERSION";

/// The daemon's program.
const PROGRAM: &str = "owlcodad";

/// The arguments for the daemon's program.
fn arguments(verb: &OfflineVerb, global: &Global) -> Vec<OsString> {
    let mut line = Line(Vec::new());
    let config = match verb {
        OfflineVerb::Init(args) => {
            line.words(&["init"]);
            for url in &args.endpoint {
                line.option("--endpoint", Some(url));
            }
            line.flag("--force", args.force);
            &args.config
        }
        OfflineVerb::Validate(args) => {
            line.words(&["validate"]);
            line.0.extend(args.file.as_ref().map(|file| in_place(file)));
            &args.config
        }
        OfflineVerb::Doctor(args) => {
            line.words(&["doctor"]);
            line.flag("--fix", args.fix);
            line.option("--bundle", args.bundle.as_ref());
            line.option("--socket", global.socket.as_ref());
            &args.config
        }
        OfflineVerb::Config(args) => match &args.verb {
            ConfigVerb::Show(args) => {
                line.words(&["config", "show"]);
                &args.config
            }
            ConfigVerb::Export(args) => {
                line.words(&["config", "export"]);
                // A document has all of it.
                if !global.json && !matches!(args.format, ExportFormat::Json) {
                    line.option("--format", Some(args.format.as_str()));
                }
                &args.config
            }
            // The daemon itself is asked, and not its program.
            ConfigVerb::Live(_) => return line.0,
            ConfigVerb::Schema(_) => {
                line.words(&["config", "schema"]);
                return line.0;
            }
            ConfigVerb::Migrate(args) => {
                line.words(&["config", "migrate"]);
                line.flag("--dry-run", args.dry_run);
                &args.config
            }
        },
    };
    line.option("--config", config.as_ref());
    line.option("--home", global.home.as_ref());
    line.flag("--json", global.json);
    line.0
}

struct Line(Vec<OsString>);

impl Line {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.words(&[name]);
        }
    }

    /// In one word, so that a value that begins with `-` is none but a value.
    fn option(&mut self, name: &str, value: Option<impl AsRef<OsStr>>) {
        if let Some(value) = value {
            let mut word = OsString::from(name);
            word.push("=");
            word.push(value.as_ref());
            self.0.push(word);
        }
    }
}

/// A file's name that cannot be taken for an option.
fn in_place(file: &Path) -> OsString {
    if file.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(file).into_os_string()
    } else {
        file.as_os_str().to_os_string()
    }
}

/// Runs the daemon's program to its end.
pub(super) async fn run(verb: &OfflineVerb, global: &Global) -> Result<Report, CommandError> {
    run_with(arguments(verb, global)).await
}

/// Has the daemon's program check the archive in `file`, for which it needs neither a daemon nor a home.
pub(super) async fn verify_archive(file: &Path, global: &Global) -> Result<Report, CommandError> {
    let mut line = Line(Vec::new());
    line.words(&["storage", "verify-archive"]);
    line.0.push(in_place(file));
    line.flag("--json", global.json);
    run_with(line.0).await
}

async fn run_with(arguments: Vec<OsString>) -> Result<Report, CommandError> {
    let program = program();
    #[expect(
        clippy::disallowed_methods,
        reason = "the daemon's own program, in whose place these verbs stand"
    )]
    let mut command = tokio::process::Command::new(&program);
    command
        .args(arguments)
        .env(ASKED_BY, env!("CARGO_PKG_VERSION"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = command
        .output()
        .await
        .map_err(|source| CommandError::of_program(program, source))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Report {
        stdout: text(&ended.stdout),
        stderr: text(&ended.stderr),
        exit: exit(ended.status.code()),
    })
}

/// How our run ends where the program's ended so; none is the end by a signal.
pub(super) fn exit(status: Option<i32>) -> Exit {
    let mut all = Exit::ALL.into_iter();
    all.find(|exit| status == Some(i32::from(exit.status())))
        .unwrap_or(Exit::Failed)
}

/// The daemon's program: the one that came with this one, else that in `PATH`.
pub(super) fn program() -> PathBuf {
    beside_us().unwrap_or_else(|| PathBuf::from(PROGRAM))
}

/// The program that came with this one.
fn beside_us() -> Option<PathBuf> {
    let us = std::env::current_exe().ok()?;
    let program = us.parent()?.join(PROGRAM);
    program.is_file().then_some(program)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn passed_on(typed: &[&str]) -> Vec<String> {
        let cli = Cli::try_parse_from([&["owlctl"], typed].concat()).unwrap();
        let Verb::Offline(verb) = &cli.verb else {
            panic!("{typed:?} needs a daemon")
        };
        let arguments = arguments(verb, &cli.global).into_iter();
        arguments.map(|it| it.into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_typed_is_what_the_program_is_asked() {
        let cases: [(&[&str], &[&str]); 8] = [
            (
                &[
                    "init",
                    "--endpoint",
                    "http://a",
                    "--endpoint",
                    "http://b",
                    "--force",
                ],
                &[
                    "init",
                    "--endpoint=http://a",
                    "--endpoint=http://b",
                    "--force",
                ],
            ),
            (
                &["--json", "--home", "/h", "validate", "x.json"],
                &["validate", "x.json", "--home=/h", "--json"],
            ),
            (
                &["doctor", "--config", "c", "--socket", "/s"],
                &["doctor", "--socket=/s", "--config=c"],
            ),
            (&["config", "show", "--json"], &["config", "show", "--json"]),
            (&["config", "export"], &["config", "export"]),
            (
                &["config", "export", "--format", "env"],
                &["config", "export", "--format=env"],
            ),
            (
                &["config", "export", "--format", "env", "--json"],
                &["config", "export", "--json"],
            ),
            (
                &["config", "migrate", "--dry-run"],
                &["config", "migrate", "--dry-run"],
            ),
        ];
        for (typed, expected) in cases {
            assert_eq!(passed_on(typed), expected, "{typed:?}");
        }
        assert_eq!(
            in_place(Path::new("--force")),
            OsString::from("./--force"),
            "a file is never an option"
        );
    }

    #[test]
    fn every_status_of_the_program_is_ours() {
        for status in [0, 1, 2, 75, 78] {
            assert_eq!(i32::from(exit(Some(status)).status()), status);
        }
        assert_eq!(exit(None), Exit::Failed);
        assert_eq!(exit(Some(77)), Exit::Failed);
    }
}
