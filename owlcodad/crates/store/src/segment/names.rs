//! What the files of the audit's segments are called, below `audit/` of the store.
//!
//! | name | what |
//! | --- | --- |
//! | `000012/` | the engine's directory |
//! | `000012.head` | the head anchor |
//! | `000012.index` | all chapters, once the segment is finished; made anew where it is gone |
//! | `000012.corrupt-…` | a segment that could not be opened, kept, with the time in milliseconds |
//! | `000012.removed` | a segment that retention removes |

use std::io;
use std::path::{Path, PathBuf};

use owlcoda_types::UnixMs;

use crate::directory;

pub(crate) fn dir(audit: &Path, number: u64) -> PathBuf {
    audit.join(format!("{number:06}"))
}

pub(crate) fn head(number: u64) -> String {
    format!("{number:06}.head")
}

pub(crate) fn index(number: u64) -> String {
    format!("{number:06}.index")
}

/// The numbers of the segments in `audit`, in order: of those with a directory, or with an anchor
/// alone, which is what a lost directory leaves.
pub(crate) fn list(audit: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs_err::read_dir(audit)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let number = name.strip_suffix(".head").unwrap_or(&name);
        numbers.extend(number.parse::<u64>().ok().filter(|number| *number > 0));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The names of segments that were set aside, in order.
pub(crate) fn list_set_aside(audit: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(audit)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains(".corrupt-") && name.strip_suffix(".head").is_none() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Renames the segment, so that it is kept but not opened again; gives back its new name.
pub(crate) fn set_aside(audit: &Path, number: u64, now_ms: UnixMs) -> io::Result<String> {
    let name = format!("{number:06}.corrupt-{now_ms}");
    let anchor = audit.join(head(number));
    if anchor.exists() {
        fs_err::rename(&anchor, audit.join(format!("{name}.head")))?;
    }
    let dir = dir(audit, number);
    if dir.exists() {
        fs_err::rename(dir, audit.join(&name))?;
    }
    remove_file(&audit.join(index(number)))?;
    directory::sync_dir(audit)?;
    Ok(name)
}

/// Removes the segment: its records are gone as soon as this begins, its space when it ends.
pub(crate) fn remove(audit: &Path, number: u64) -> io::Result<()> {
    let doomed = audit.join(format!("{number:06}.removed"));
    if dir(audit, number).exists() {
        fs_err::rename(dir(audit, number), &doomed)?;
    }
    remove_file(&audit.join(head(number)))?;
    remove_file(&audit.join(index(number)))?;
    if doomed.exists() {
        fs_err::remove_dir_all(&doomed)?;
    }
    directory::sync_dir(audit)
}

/// Ends removals that a crash has interrupted.
pub(crate) fn end_removals(audit: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(audit)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "removed") {
            fs_err::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// Removes the file of a segment's index, if it is there.
pub(crate) fn remove_index(audit: &Path, number: u64) -> io::Result<()> {
    remove_file(&audit.join(index(number)))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
