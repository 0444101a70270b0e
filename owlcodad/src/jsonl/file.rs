//! A file of lines that somebody may rename, remove or fill the disk of.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fs_err::File;
use rustix::fs::OFlags;
use serde::Deserialize;
use tokio::task::spawn_blocking;

/// How much of the end of a file is read to find its last whole line: many times the longest.
const TAIL_BYTES: u64 = 256 << 10;

/// The file. It is opened when it is first needed, and again once its name leads to another.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    open: Option<Open>,
    /// Number of the last record in this file or in those that had its name before; `None` as long as
    /// nobody has looked.
    last_seq: Option<u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
}

impl LineFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            last_seq: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything up to the record `seq` is in the file or not for it.
    pub(super) fn has_seen(&mut self, seq: u64) {
        self.last_seq = Some(seq);
    }

    /// Opens it, or what has its name now; gives back the number of the last record, if that is known.
    pub(super) async fn open(&mut self) -> io::Result<Option<u64>> {
        let path = self.path.clone();
        let identity = self.open.as_ref().map(|open| open.identity);
        let opened = blocking(move || {
            let now = fs_err::symlink_metadata(&path).map(|found| (found.dev(), found.ino()));
            if identity.is_some() && now.ok() == identity {
                return Ok(None);
            }
            open(&path).map(Some)
        });
        if let Some((open, last_seq)) = opened.await? {
            self.open = Some(open);
            // After a rotation the new file is empty, and we know where it was.
            self.last_seq = self.last_seq.or(last_seq);
        }
        Ok(self.last_seq)
    }

    /// Appends whole lines, the last of them of the record `last_seq`, or none of them.
    pub(super) async fn append(&mut self, text: String, last_seq: u64) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let Some(Open { file, .. }) = &self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut file = file.try_clone()?;
        let written = blocking(move || {
            let n_before = file.metadata()?.len();
            file.write_all(text.as_bytes()).inspect_err(|_| {
                // The disk is full: half a line would be read as none. It is written again later.
                let _ = file.set_len(n_before);
            })
        });
        if let Err(error) = written.await {
            self.open = None;
            return Err(error);
        }
        self.last_seq = Some(last_seq);
        Ok(())
    }
}

/// Opens the file to append to, or makes it with mode 0600; also the number of its last record.
fn open(path: &Path) -> io::Result<(Open, Option<u64>)> {
    // Not through a link, which may lead anywhere, and without waiting for the other end of a pipe.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = fs_err::OpenOptions::new();
    options.read(true).append(true).create(true);
    options
        .options_mut()
        .mode(0o600)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    let mut file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let n_bytes = metadata.len();
    file.seek(SeekFrom::Start(n_bytes.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    (&mut file).take(TAIL_BYTES).read_to_end(&mut tail)?;
    if tail.last().is_some_and(|byte| *byte != b'\n') {
        // Half a line of somebody who was killed.
        file.write_all(b"\n")?;
    }
    let identity = (metadata.dev(), metadata.ino());
    Ok((Open { file, identity }, last_seq(&tail)))
}

/// The number in the last whole line that has one.
fn last_seq(tail: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Line {
        seq: u64,
    }
    let mut lines = tail.split(|byte| *byte == b'\n').rev();
    lines.find_map(|line| {
        let line: Line = serde_json::from_slice(line).ok()?;
        Some(line.seq)
    })
}

async fn blocking<T: Send + 'static>(
    task: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = spawn_blocking(task).await;
    done.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn text(path: &Path) -> String {
        fs_err::read_to_string(path).unwrap()
    }

    #[tokio::test]
    async fn half_a_line_is_left_alone_and_the_last_whole_one_says_where_to_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        fs_err::write(
            &path,
            "{\"seq\":4}\n{\"seq\":5}\nnonsense\n{\"seq\":6,\"mod",
        )
        .unwrap();
        let mut file = LineFile::new(path.clone());
        assert_eq!(file.open().await.unwrap(), Some(5));
        file.append("{\"seq\":6}\n".to_owned(), 6).await.unwrap();
        assert!(
            text(&path).ends_with("\"mod\n{\"seq\":6}\n"),
            "{}",
            text(&path)
        );
        assert_eq!(LineFile::new(path).open().await.unwrap(), Some(6));
    }

    #[tokio::test]
    async fn a_file_that_was_renamed_is_begun_anew_where_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut file = LineFile::new(path.clone());
        assert_eq!(file.open().await.unwrap(), None);
        file.append("{\"seq\":1}\n".to_owned(), 1).await.unwrap();
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs_err::rename(&path, dir.path().join("audit.1")).unwrap();
        assert_eq!(file.open().await.unwrap(), Some(1));
        file.append("{\"seq\":2}\n".to_owned(), 2).await.unwrap();
        assert_eq!(text(&path), "{\"seq\":2}\n");
        assert_eq!(text(&dir.path().join("audit.1")), "{\"seq\":1}\n");
    }

    /// A pipe that nobody reads, where the system makes them as Linux does.
    fn pipes_in(dir: &Path) -> Vec<PathBuf> {
        #[cfg(target_os = "linux")]
        {
            let pipe = dir.join("pipe");
            let mode = rustix::fs::Mode::from_bits_truncate(0o600);
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
            vec![pipe]
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = dir;
            Vec::new()
        }
    }

    #[tokio::test]
    async fn what_is_no_file_of_ours_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        let target = dir.path().join("target");
        fs_err::write(&target, "").unwrap();
        fs_err::os::unix::fs::symlink(&target, &link).unwrap();
        let others = [
            link,
            dir.path().join("none/audit.jsonl"),
            "/dev/null".into(),
        ];
        for path in others.into_iter().chain(pipes_in(dir.path())) {
            let refused = LineFile::new(path.clone()).open().await;
            assert!(refused.is_err(), "{path:?}");
        }
        assert_eq!(text(&target), "");
    }
}
