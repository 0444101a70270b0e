//! `owlctl backup`: an archive of what the daemon keeps, made while it serves, and whether one is whole.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use jiff::Zoned;
use owlcoda_proto::v1::{BackupChunk, BackupManifest, CreateBackupRequest};
use serde::Serialize;

use super::offline;
use crate::cli::backup::{BackupArgs, BackupVerb, CreateArgs};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::new_file::NewFile;
use crate::quantity;
use crate::report::Report;
use crate::screen;

/// Between two words of how far it is.
const TELL_EVERY_BYTES: u64 = 8 << 20;

#[derive(Serialize)]
struct Backup<'a> {
    file: String,
    n_bytes: u64,
    n_audit_records: u64,
    first_audit_seq: Option<u64>,
    last_audit_seq: Option<u64>,
    n_sessions: u64,
    n_events: u64,
    /// What could not be read and is not in it.
    n_unreadable: u64,
    /// Of all its lines but the last, as its manifest has it.
    sha256: &'a str,
}

pub(super) async fn run(context: &Context<'_>, args: &BackupArgs) -> Result<Report, CommandError> {
    match &args.verb {
        BackupVerb::Create(args) => create(context, args).await,
        BackupVerb::Verify(args) => offline::verify_archive(&args.file, context.global).await,
    }
}

async fn create(context: &Context<'_>, args: &CreateArgs) -> Result<Report, CommandError> {
    let path = args.out.clone().unwrap_or_else(|| {
        let now = Zoned::now().strftime("%Y%m%d-%H%M%S");
        PathBuf::from(format!("owlcoda-backup-{now}.zst"))
    });
    let client = context.connect().await?;
    let begin = if args.force {
        NewFile::create_over
    } else {
        NewFile::create
    };
    let mut file = begin(&path).map_err(CommandError::of_file(&path))?;
    let mut chunks = client
        .backup()
        .create(CreateBackupRequest {})
        .await?
        .into_inner();
    let mut progress = Progress::default();
    let mut manifest = None;
    while let Some(chunk) = chunks.message().await? {
        let written = file.write(&chunk.data);
        written.map_err(CommandError::of_file(&path))?;
        progress.tell(&chunk);
        manifest = chunk.manifest;
    }
    let manifest = manifest.filter(|manifest| manifest.n_bytes == progress.n_bytes);
    let Some(manifest) = manifest else {
        return Err(CommandError::Gone("the archive is not whole".to_owned()));
    };
    let kept = if args.force {
        file.keep_over()
    } else {
        file.keep()
    };
    kept.map_err(CommandError::of_file(&path))?;
    Ok(report(
        &path.display().to_string(),
        &manifest,
        context.global.json,
    ))
}

/// Says on a terminal how far it is.
#[derive(Debug, Default)]
struct Progress {
    n_bytes: u64,
    n_told: u64,
}

impl Progress {
    fn tell(&mut self, chunk: &BackupChunk) {
        self.n_bytes += chunk.data.len() as u64;
        if self.n_bytes - self.n_told < TELL_EVERY_BYTES || !io::stderr().is_terminal() {
            return;
        }
        self.n_told = self.n_bytes;
        let (size, lines) = (quantity::size(self.n_bytes), quantity::count(chunk.n_lines));
        screen::complain(&format!("{size}, {lines} records and events so far"));
    }
}

fn report(file: &str, manifest: &BackupManifest, is_json: bool) -> Report {
    let text = if is_json {
        let some = |seq| Some(seq).filter(|seq| *seq > 0);
        json(
            "Backup",
            &Backup {
                file: file.to_owned(),
                n_bytes: manifest.n_bytes,
                n_audit_records: manifest.n_audit_records,
                first_audit_seq: some(manifest.first_audit_seq),
                last_audit_seq: some(manifest.last_audit_seq),
                n_sessions: manifest.n_sessions,
                n_events: manifest.n_events,
                n_unreadable: manifest.n_unreadable,
                sha256: &manifest.sha256,
            },
        )
    } else {
        format!(
            "{}: {}, {}, {} with {}\n",
            owlcoda_proto::printable(file),
            quantity::size(manifest.n_bytes),
            quantity::of(manifest.n_audit_records, "audit record"),
            quantity::of(manifest.n_sessions, "conversation"),
            quantity::of(manifest.n_events, "event"),
        )
    };
    let report = Report::data(text);
    if manifest.n_unreadable == 0 {
        return report;
    }
    let words = format!(
        "{} records or conversations could not be read and are not in it; see owlctl audit verify",
        manifest.n_unreadable
    );
    report.and_remark(&words).ending(Exit::Partial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn what_is_in_it_is_told_and_what_is_not_as_well() {
        let manifest = BackupManifest {
            n_audit_records: 4_200,
            first_audit_seq: 1,
            last_audit_seq: 4_200,
            n_sessions: 2,
            n_events: 31,
            n_unreadable: 0,
            sha256: "ab".repeat(32),
            n_bytes: 123_456,
        };
        let told = report("b.zst", &manifest, false);
        assert_eq!(told.exit, Exit::Ok);
        golden::check("backup_create", &told.stdout);
        golden::check(
            "backup_create_json",
            &report("b.zst", &manifest, true).stdout,
        );
        let partial = BackupManifest {
            n_unreadable: 3,
            ..manifest
        };
        assert_eq!(report("b.zst", &partial, false).exit, Exit::Partial);
    }
}
