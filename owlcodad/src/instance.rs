//! One daemon a home: a lock that the kernel gives back when its holder dies, however it dies.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use owlcoda_types::{clip, printable};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::failure::Failure;

/// A daemon that was just killed holds its lock for a moment longer.
const PATIENCE: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
];

/// The home is ours while this lives.
#[derive(Debug)]
pub(crate) struct Instance {
    _lock: fs_err::File,
}

/// Makes the home where it is missing, for us alone.
pub(crate) fn prepare_home(home: &Path) -> Result<(), Failure> {
    let unusable = |reason: String| Failure::Home {
        home: home.to_path_buf(),
        reason,
    };
    for dir in [home.to_path_buf(), home.join("log")] {
        if fs_err::metadata(&dir).is_err() {
            fs_err::create_dir_all(&dir).map_err(|error| unusable(error.to_string()))?;
            let ours_alone = std::fs::Permissions::from_mode(0o700);
            fs_err::set_permissions(&dir, ours_alone)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    let metadata = fs_err::metadata(home).map_err(|error| unusable(error.to_string()))?;
    if !metadata.is_dir() {
        return Err(unusable("it is not a directory".to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o002 != 0 {
        let reason =
            format!("anybody can write there (mode {mode:04o}): make it yours with mode 0700");
        return Err(unusable(reason));
    }
    Ok(())
}

impl Instance {
    /// Takes the lock of `home`, or tells who holds it.
    pub(crate) fn lock(home: &Path, about_us: &str) -> Result<Self, Failure> {
        let unusable = |error: io::Error| Failure::Home {
            home: home.to_path_buf(),
            reason: error.to_string(),
        };
        let mut options = fs_err::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let no_links = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0);
        options.options_mut().mode(0o600).custom_flags(no_links);
        let mut file = options.open(home.join("owlcodad.lock")).map_err(unusable)?;
        for patience in PATIENCE {
            std::thread::sleep(patience);
            match flock(file.file(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // For people only: nobody decides anything by it.
                    file.set_len(0).map_err(unusable)?;
                    file.write_all(about_us.as_bytes()).map_err(unusable)?;
                    return Ok(Self { _lock: file });
                }
                Err(Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(unusable(errno.into())),
            }
        }
        let mut holder = String::new();
        // What the holder wrote of itself is all that we can say.
        let _ = file
            .rewind()
            .and_then(|()| (&file).take(500).read_to_string(&mut holder));
        let holder = clip(&printable(holder.trim()), 300).into_owned();
        Err(Failure::AlreadyRunning {
            home: home.to_path_buf(),
            holder,
        })
    }
}
