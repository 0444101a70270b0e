//! A log file that is set aside when it is full: `log` becomes `log.1`, that `log.2`, and so on.
//!
//! Lines are appended, so a file that somebody else empties goes on from its beginning; one that
//! somebody else moved away is begun anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::LogFile;

/// For its owner alone.
const MODE: u32 = 0o600;

/// The file, open for appending.
#[derive(Debug)]
pub(super) struct RotatingFile {
    options: LogFile,
    file: File,
}

impl RotatingFile {
    pub(super) fn open(options: LogFile) -> io::Result<Self> {
        let file = append_to(&options.path)?;
        Ok(Self { options, file })
    }

    /// Sets a full file aside, and begins anew where it is gone.
    fn prepare(&mut self, n_bytes: usize) -> io::Result<()> {
        let path = &self.options.path;
        let ours = self.file.metadata()?;
        let is_there = path
            .symlink_metadata()
            .is_ok_and(|there| there.ino() == ours.ino() && there.dev() == ours.dev());
        if is_there {
            let is_full = ours.len() > 0 && ours.len() + n_bytes as u64 > self.options.max_bytes;
            if !is_full {
                return Ok(());
            }
            self.set_aside()?;
        }
        self.file = append_to(&self.options.path)?;
        Ok(())
    }

    fn set_aside(&self) -> io::Result<()> {
        let LogFile { path, keep, .. } = &self.options;
        for n in (1..*keep).rev() {
            let (from, to) = (numbered(path, n), numbered(path, n + 1));
            if from.exists() {
                fs_err::rename(from, to)?;
            }
        }
        if *keep == 0 {
            return fs_err::remove_file(path);
        }
        fs_err::rename(path, numbered(path, 1))
    }
}

impl Write for RotatingFile {
    /// A line. Where the file cannot be set aside, it goes on growing: better than no log.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.prepare(line.len());
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs_err::create_dir_all(dir)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(MODE)
        // A pipe or a device in its place would hold the writer up.
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(max_bytes: u64, keep: u32) -> (tempfile::TempDir, LogFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log/owlcodad.log");
        let file = LogFile {
            path,
            max_bytes,
            keep,
        };
        (dir, file)
    }

    fn text(path: &Path) -> String {
        fs_err::read_to_string(path).unwrap()
    }

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_goes() {
        let (_dir, options) = place(10, 2);
        let path = options.path.clone();
        let mut file = RotatingFile::open(options).unwrap();
        for line in ["one..\n", "two..\n", "three\n", "four.\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(text(&path), "four.\n");
        assert_eq!(text(&numbered(&path, 1)), "three\n");
        assert_eq!(text(&numbered(&path, 2)), "two..\n");
        assert!(!numbered(&path, 3).exists());
        let mode = fs_err::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_longer_than_a_file_may_be_is_written_whole() {
        let (_dir, options) = place(10, 1);
        let path = options.path.clone();
        let mut file = RotatingFile::open(options).unwrap();
        file.write_all(b"longer than ten bytes\n").unwrap();
        file.write_all(b"next\n").unwrap();
        assert_eq!(text(&numbered(&path, 1)), "longer than ten bytes\n");
        assert_eq!(text(&path), "next\n");
    }

    #[test]
    fn a_file_that_somebody_moved_away_is_begun_anew_and_an_emptied_one_goes_on() {
        let (_dir, options) = place(1000, 1);
        let path = options.path.clone();
        let mut file = RotatingFile::open(options).unwrap();
        file.write_all(b"one\n").unwrap();
        fs_err::rename(&path, path.with_extension("moved")).unwrap();
        file.write_all(b"two\n").unwrap();
        assert_eq!(text(&path), "two\n");
        fs_err::write(&path, "").unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(text(&path), "three\n");
    }

    #[test]
    fn a_link_in_the_place_of_the_file_is_not_followed() {
        let (dir, options) = place(10, 1);
        fs_err::create_dir_all(options.path.parent().unwrap()).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &options.path).unwrap();
        assert!(RotatingFile::open(options).is_err());
        assert!(!elsewhere.exists());
    }
}
