//! Directories and files that only their owner may read, and that survive a power cut.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes `dir` (and what is missing above it) with mode 0700, durably, unless it is there.
pub(crate) fn create_private(dir: &Path) -> io::Result<()> {
    let n_missing = dir.ancestors().take_while(|above| !above.exists()).count();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for parent in dir.ancestors().skip(1).take(n_missing) {
        // The parent of a relative path of one part is written as nothing.
        if parent.as_os_str().is_empty() {
            sync_dir(Path::new("."))?;
        } else {
            sync_dir(parent)?;
        }
    }
    Ok(())
}

/// Whether `error` says that the disk, or what its user may take of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Whether `error` says that a file is not what it should be, or that the disk cannot read it.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    let is_unreadable = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    is_unreadable
        || matches!(
            error.kind(),
            io::ErrorKind::IsADirectory
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof
        )
}

/// Bytes that are free for us where `dir` is; `None` if nobody says.
pub(crate) fn free_bytes(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Makes the entries of `dir` (new names, renames) durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs_err::File::open(dir)?.sync_all()
}

/// Makes the files in `dir`, one level of directories below it, and their entries durable.
pub(crate) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() || kind.is_dir() {
            fs_err::File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
}

/// Replaces `dir/name` by `bytes` with mode 0600: after a crash it is the old file or the new one.
pub(crate) fn replace_file(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs_err::rename(&temporary, dir.join(name))?;
    sync_dir(dir)
}
