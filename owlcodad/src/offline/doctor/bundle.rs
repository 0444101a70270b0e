//! `owlcodad doctor --bundle FILE`: what somebody who helps needs to see, in one tar file.
//!
//! Checks, the configuration as `config show` tells it, the end of the log and the latest reports of
//! crashes. No key, no prompt and no answer is in any of them; the manifest says what is, so that it can
//! be read before it is given away.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use owlcoda_types::printable;
use rustix::fs::OFlags;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Most bytes of the end of a log.
const MAX_LOG_BYTES: u64 = 256 << 10;

/// Most bytes of a report of a crash.
const MAX_REPORT_BYTES: u64 = 256 << 10;

/// Reports of crashes.
const MAX_REPORTS: usize = 3;

/// One file of the bundle.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Part {
    pub(super) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

/// The end of the log and the latest reports of crashes, as far as they are there.
pub(super) fn of_home(home: &Path, log_file: Option<&Path>) -> Vec<Part> {
    let mut parts = Vec::new();
    let log = log_file.map_or_else(|| home.join("log/owlcodad.log"), |path| home.join(path));
    if let Ok(bytes) = tail(&log, MAX_LOG_BYTES) {
        parts.push(Part::new("log/owlcodad.log", bytes));
    }
    let reports = fs_err::read_dir(home.join("crash"));
    let mut reports: Vec<PathBuf> = reports
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // Their names begin with their times.
    reports.sort_unstable();
    for path in reports.iter().rev().take(MAX_REPORTS) {
        if let (Some(name), Ok(bytes)) = (path.file_name(), tail(path, MAX_REPORT_BYTES)) {
            let name = name.to_string_lossy();
            parts.push(Part::new(format!("crash/{}", printable(&name)), bytes));
        }
    }
    parts
}

/// The end of a regular file, without following a link.
fn tail(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(max_bytes)))?;
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes the bundle to `path`, which must not be there yet, for its owner alone.
pub(super) fn write(path: &Path, parts: &[Part]) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    options.options_mut().mode(0o600);
    let file = options.open(path)?;
    let written = fill(file, parts);
    if written.is_err() {
        // Half of a bundle is none.
        let _ = fs_err::remove_file(path);
    }
    written
}

fn fill(file: fs_err::File, parts: &[Part]) -> io::Result<()> {
    let manifest = manifest(parts);
    let mut archive = tar::Builder::new(io::BufWriter::new(file));
    for part in std::iter::once(&manifest).chain(parts) {
        let mut header = tar::Header::new_gnu();
        header.set_size(part.bytes.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, &part.name, part.bytes.as_slice())?;
    }
    let mut file = archive.into_inner()?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn manifest(parts: &[Part]) -> Part {
    let files: Vec<_> = parts
        .iter()
        .map(|part| {
            let digest = Sha256::digest(&part.bytes);
            let digest = digest.iter().map(|byte| format!("{byte:02x}"));
            json!({
                "name": part.name,
                "bytes": part.bytes.len(),
                "sha256": digest.collect::<String>(),
            })
        })
        .collect();
    let manifest = json!({
        "apiVersion": "owlcoda/v1",
        "kind": "DoctorBundle",
        "version": env!("CARGO_PKG_VERSION"),
        "files": files,
    });
    Part::new("manifest.json", format!("{manifest:#}\n"))
}
