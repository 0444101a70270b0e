//! Small documents that are replaced whole, and of which the store only knows the names.
//!
//! After a crash each is the old one or the new one. Nothing acknowledges anything by them: they hold
//! what would be a pity to lose, and no more.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::{StoreError, directory};

/// Largest document that is read, in bytes.
const MAX_NOTE_BYTES: u64 = 8 << 20;

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// What was measured of model calls.
    Figures,
}

impl Note {
    const fn file_name(self) -> &'static str {
        match self {
            Self::Figures => "figures.json",
        }
    }
}

/// The documents of one store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notes {
    dir: PathBuf,
}

impl Notes {
    pub(crate) fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
        }
    }

    /// The document as it was written last; `None` where it never was.
    ///
    /// # Errors
    /// `Io` where it cannot be read, or is larger than 8 MiB.
    pub async fn read(&self, note: Note) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.dir.join(note.file_name());
        let read = move || -> std::io::Result<Option<Vec<u8>>> {
            let file = match fs_err::File::open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let mut bytes = Vec::new();
            file.take(MAX_NOTE_BYTES + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_NOTE_BYTES {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(Some(bytes))
        };
        let done = spawn_blocking(read).await;
        let done = done.unwrap_or_else(|ended| Err(std::io::Error::other(ended)));
        done.map_err(StoreError::io("read a note"))
    }

    /// Replaces the document. Durable once this returns.
    ///
    /// # Errors
    /// `Io` where it cannot be written; the one before stands then.
    pub async fn write(&self, note: Note, bytes: Vec<u8>) -> Result<(), StoreError> {
        let dir = self.dir.clone();
        let write = move || directory::replace_file(&dir, note.file_name(), &bytes);
        let done = spawn_blocking(write).await;
        let done = done.unwrap_or_else(|ended| Err(std::io::Error::other(ended)));
        done.map_err(StoreError::io("write a note"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_note_is_what_was_written_last_and_nothing_before_that() {
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::of(dir.path());
        assert_eq!(notes.read(Note::Figures).await.unwrap(), None);
        for text in ["one", "another", ""] {
            notes.write(Note::Figures, text.into()).await.unwrap();
            let read = notes.read(Note::Figures).await.unwrap();
            assert_eq!(read.as_deref(), Some(text.as_bytes()));
        }
        let gone = Notes::of(&dir.path().join("gone"));
        assert!(gone.write(Note::Figures, Vec::new()).await.is_err());
    }
}
