//! `owlcodad storage`: what is done to a home's store while no daemon runs for it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use owlcoda_proto::Place;
use owlcoda_store::StoreOptions;
use owlcoda_store::offline::{self as tools, Manifest, Verification};
use serde::Serialize;

use crate::failure::Failure;
use crate::offline::document;

/// Everything is as it should be.
const WHOLE: u8 = 0;
/// Something is lost or damaged; the output says what.
const DAMAGED: u8 = 1;

#[derive(Args, Debug)]
pub(crate) struct StorageArgs {
    #[command(subcommand)]
    action: Action,

    // The help is for a terminal, so it is no Markdown.
    #[expect(clippy::doc_markdown, reason = "shown as it is")]
    /// Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda.
    #[arg(long, value_name = "DIR", global = true)]
    home: Option<PathBuf>,

    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read every record and say what is wrong; changes nothing.
    Verify,
    /// Mend what can be mended, set aside what cannot be opened, and verify.
    Repair,
    /// Write everything into an archive that needs no engine to be read.
    Export {
        /// The archive, which must not be there yet.
        #[arg(value_name = "FILE")]
        archive: PathBuf,
    },
    /// Read an archive from one end to the other and check every line; no store is needed.
    VerifyArchive {
        /// The archive.
        #[arg(value_name = "FILE")]
        archive: PathBuf,
    },
    /// Make a store of an archive in a home that has none.
    Import {
        /// The archive.
        #[arg(value_name = "FILE")]
        archive: PathBuf,
    },
    /// Put what is in an archive in the place of the store, which is kept.
    Restore {
        /// The archive.
        #[arg(value_name = "FILE")]
        archive: PathBuf,
    },
}

/// What is printed: lines for people, or one object.
struct Outcome {
    lines: Vec<String>,
    json: String,
    status: u8,
}

impl Outcome {
    fn new(kind: &'static str, value: &impl Serialize, lines: Vec<String>, is_whole: bool) -> Self {
        Self {
            lines,
            json: document::json(kind, value),
            status: if is_whole { WHOLE } else { DAMAGED },
        }
    }
}

/// Runs the command; gives back the exit status.
pub(crate) fn run(args: &StorageArgs) -> Result<u8, Failure> {
    let place = Place::locate(
        args.home.as_deref(),
        None,
        &owlcoda_proto::Environment::of_process(),
    )?;
    let dir = place.home.join("store");
    let options = StoreOptions::default();
    let outcome = match &args.action {
        Action::Verify => of_verification(&tools::verify(&dir)?),
        Action::Repair => {
            let repaired = tools::repair(&dir, &options)?;
            let mut lines: Vec<_> = repaired
                .found
                .iter()
                .map(|text| format!("found: {text}"))
                .collect();
            lines.extend(of_verification(&repaired.now).lines);
            let is_whole = repaired.now.problems.is_empty();
            Outcome::new("StorageRepair", &repaired, lines, is_whole)
        }
        Action::Export { archive } => of_manifest(&export(&dir, &options, archive)?),
        Action::VerifyArchive { archive } => of_manifest(&tools::check_archive(open(archive)?)?),
        Action::Import { archive } => {
            let mut file = open(archive)?;
            of_manifest(&tools::import(&dir, &options, &mut file)?)
        }
        Action::Restore { archive } => {
            let mut file = open(archive)?;
            let restored = tools::restore(&dir, &options, &mut file)?;
            let mut lines = of_verification(&restored.now).lines;
            let kept = restored.kept.as_ref();
            lines.extend(
                kept.map(|kept| format!("the store of before is kept in {}", kept.display())),
            );
            Outcome::new(
                "StorageRestore",
                &restored,
                lines,
                restored.now.problems.is_empty(),
            )
        }
    };
    let text = if args.json {
        outcome.json
    } else {
        outcome.lines.join("\n") + "\n"
    };
    // Whoever started us may have closed it; the exit status still tells.
    let _ = write!(std::io::stdout(), "{text}");
    Ok(outcome.status)
}

fn of_verification(found: &Verification) -> Outcome {
    let mut lines = vec![if found.schema == 0 {
        "there is no store yet".to_owned()
    } else {
        format!(
            "schema {}: {} audit records in {} segments, {} sessions with {} events",
            found.schema, found.n_audit_records, found.n_segments, found.n_sessions, found.n_events
        )
    }];
    let problems = found.problems.iter();
    lines.extend(problems.map(|problem| format!("problem: {problem}")));
    Outcome::new(
        "StorageVerification",
        found,
        lines,
        found.problems.is_empty(),
    )
}

fn of_manifest(manifest: &Manifest) -> Outcome {
    let mut lines = vec![format!(
        "{} audit records, {} sessions with {} events, SHA-256 {}",
        manifest.n_audit_records, manifest.n_sessions, manifest.n_events, manifest.sha256
    )];
    if manifest.n_unreadable > 0 {
        lines.push(format!(
            "problem: {} records or sessions could not be read and are not in it; `owlcodad storage \
             verify` names them",
            manifest.n_unreadable
        ));
    }
    Outcome::new(
        "StorageArchive",
        manifest,
        lines,
        manifest.n_unreadable == 0,
    )
}

/// Writes the archive beside its name and renames it, so that half of one never has the name.
fn export(dir: &Path, options: &StoreOptions, archive: &Path) -> Result<Manifest, Failure> {
    let write = |source| Failure::Archive {
        path: archive.to_path_buf(),
        source,
    };
    if archive.exists() {
        return Err(write(std::io::ErrorKind::AlreadyExists.into()));
    }
    let mut name = archive.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    let unfinished = archive.with_file_name(name);
    let mut open = fs_err::OpenOptions::new();
    open.write(true).create(true).truncate(true);
    open.options_mut().mode(0o600);
    let file = open.open(&unfinished).map_err(write)?;
    let exported = tools::export(dir, options, &file);
    if exported.is_err() {
        let _ = fs_err::remove_file(&unfinished);
    }
    let manifest = exported?;
    file.sync_all()
        .and_then(|()| fs_err::rename(&unfinished, archive))
        .map_err(write)?;
    Ok(manifest)
}

fn open(archive: &Path) -> Result<fs_err::File, Failure> {
    fs_err::File::open(archive).map_err(|source| Failure::Archive {
        path: archive.to_path_buf(),
        source,
    })
}
