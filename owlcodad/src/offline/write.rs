//! Writes a configuration so that it is there whole or not at all, and for its owner alone.

use std::fs::{Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Mode of a file that had none before.
const PRIVATE: u32 = 0o600;

/// Most backups of one file.
const MAX_BACKUPS: u32 = 1000;

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner alone.
    Private,
    /// Whoever may read what was there; its owner alone where nothing was.
    AsBefore,
}

/// Writes `text` to a new file beside `path`, makes it durable and puts it in place. What was there
/// keeps its owner where we may give it away. A link stays a link.
pub(super) fn replace(path: &Path, text: &str, access: Access) -> io::Result<()> {
    let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let before = fs_err::metadata(&path).ok();
    let mode = match (access, &before) {
        (Access::AsBefore, Some(before)) => before.mode() & 0o777,
        _ => PRIVATE,
    };
    let beside = beside(&path, &format!("new-{}", std::process::id()));
    let written = write_new(&beside, text.as_bytes(), mode, before.as_ref())
        .and_then(|()| fs_err::rename(&beside, &path));
    if written.is_err() {
        // It may not even be there.
        let _ = fs_err::remove_file(&beside);
    }
    written?;
    sync_directory(&path)
}

/// Copies `path` to the first free `path.bak-1`, `path.bak-2`, ... with its mode.
pub(super) fn back_up(path: &Path) -> io::Result<PathBuf> {
    let path = fs_err::canonicalize(path)?;
    let bytes = fs_err::read(&path)?;
    let before = fs_err::metadata(&path)?;
    for number in 1..=MAX_BACKUPS {
        let backup = beside(&path, &format!("bak-{number}"));
        match write_new(&backup, &bytes, before.mode() & 0o777, Some(&before)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                sync_directory(&backup)?;
                return Ok(backup);
            }
        }
    }
    Err(io::Error::other(format!(
        "there are {MAX_BACKUPS} backups of `{}` already; remove some",
        path.display()
    )))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, before: Option<&Metadata>) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    let no_links = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0);
    options.options_mut().mode(PRIVATE).custom_flags(no_links);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    if let Some(before) = before {
        // Only root may give a file away; whoever else owns the new one themselves.
        let _ = std::os::unix::fs::fchown(file.file(), Some(before.uid()), Some(before.gid()));
    }
    file.file().set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs_err::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs_err::metadata(path).unwrap().mode() & 0o7777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_its_owner_s_alone_and_an_old_one_keeps_its_mode() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.json");
        replace(&path, "one", Access::AsBefore).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs_err::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, "two", Access::AsBefore).unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "two");
        assert_eq!(mode(&path), 0o644);
        replace(&path, "three", Access::Private).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(home.path()), ["config.json"], "nothing is left over");
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_is_written() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("real"), home.path().join("config.json"));
        fs_err::write(&target, "one").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, "two", Access::AsBefore).unwrap();
        assert_eq!(fs_err::read_to_string(&target).unwrap(), "two");
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn no_backup_is_ever_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.json");
        for text in ["one", "two"] {
            fs_err::write(&path, text).unwrap();
            fs_err::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            back_up(&path).unwrap();
        }
        for (number, text) in [(1, "one"), (2, "two")] {
            let backup = home.path().join(format!("config.json.bak-{number}"));
            assert_eq!(fs_err::read_to_string(&backup).unwrap(), text);
            assert_eq!(mode(&backup), 0o640);
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_failure_that_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let error =
            replace(&home.path().join("none/config.json"), "x", Access::Private).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(names(home.path()), [""; 0]);
    }
}
