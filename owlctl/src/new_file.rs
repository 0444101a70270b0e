//! A file that has its name only once it is whole, and that nobody else may read.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file in the making, under another name. Dropped before it is kept, it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: fs_err::File,
    unfinished: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl NewFile {
    /// Begins the file, whose name must be free.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if fs_err::symlink_metadata(path).is_ok() {
            return Err(exists());
        }
        Self::create_over(path)
    }

    /// Begins the file, which takes the place of what has its name.
    pub(crate) fn create_over(path: &Path) -> io::Result<Self> {
        let mut name = path
            .file_name()
            .ok_or(io::ErrorKind::IsADirectory)?
            .to_owned();
        name.push(format!(".unfinished-{}", std::process::id()));
        let unfinished = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = fs_err::OpenOptions::from_options(options).open(&unfinished)?;
        Ok(Self {
            file,
            unfinished,
            path: path.to_path_buf(),
            is_kept: false,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives it its name, where that is still free.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        match fs_err::hard_link(&self.unfinished, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
            linked => linked?,
        }
        self.is_kept = true;
        fs_err::remove_file(&self.unfinished)
    }

    /// Gives it its name, whatever has that.
    pub(crate) fn keep_over(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs_err::rename(&self.unfinished, &self.path)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left under this name nobody takes for the file.
            let _ = fs_err::remove_file(&self.unfinished);
        }
    }
}

fn exists() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "there is such a file, and it stays as it is; give another name, or --force where there is that",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_whole_and_takes_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls");
        drop(NewFile::create(&path).unwrap());
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);

        let mut file = NewFile::create(&path).unwrap();
        file.write(b"whole").unwrap();
        assert!(!path.exists());
        file.keep().unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"whole");
        assert_eq!(
            fs_err::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        assert!(NewFile::create(&path).is_err());
        let late = NewFile::create_over(&path).unwrap();
        assert_eq!(
            late.keep().unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs_err::read(&path).unwrap(), b"whole");
        NewFile::create_over(&path).unwrap().keep_over().unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }
}
