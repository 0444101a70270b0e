//! The token that always opens the HTTP API: made at the first start, kept in a file that only its
//! owner may read.

use std::fs::Permissions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use owlcoda_types::Secret;
use rustix::fs::OFlags;
use rustix::process::getuid;
use subtle::ConstantTimeEq as _;

/// Chance in the token.
const N_RANDOM_BYTES: usize = 32;

/// Two digits for each byte of chance.
const N_DIGITS: usize = 2 * N_RANDOM_BYTES;

/// Why there is no token. The message says the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Somebody else may have read or written it.
    #[error("`{}` {why}, and it keeps the token of the HTTP API; {way_out}", path.display())]
    Unsafe {
        /// The file or its directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to run.
        way_out: String,
    },
    /// The file holds something else.
    #[error(
        "`{}` does not hold a token of {N_DIGITS} hexadecimal digits; remove it, and the next start \
         makes a new one", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("could not keep the token of the HTTP API in `{}`", path.display())]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The token. It is never shown.
#[derive(Clone, Debug)]
pub struct Token(Secret);

impl Token {
    /// Reads `auth/token` in `home`, or makes it. The caller holds the lock of the home.
    pub fn load_or_create(home: &Path) -> Result<Self, TokenError> {
        let dir = home.join("auth");
        prepare_dir(&dir)?;
        let path = dir.join("token");
        let failed = |source| TokenError::Io {
            path: path.clone(),
            source,
        };
        match open_existing(&path) {
            Ok(file) => read(file, &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let digits = random_digits().map_err(failed)?;
                create(&dir, &path, &digits).map_err(failed)?;
                Ok(Self(Secret::new(digits)))
            }
            Err(error) if error.raw_os_error() == Some(LOOP) => Err(TokenError::Unsafe {
                why: "is a symbolic link".to_owned(),
                way_out: "remove it".to_owned(),
                path,
            }),
            Err(source) => Err(failed(source)),
        }
    }

    /// Makes a new token in place of the one in `home`. The caller holds the lock of the home.
    pub(crate) fn replace(home: &Path) -> Result<Self, TokenError> {
        let dir = home.join("auth");
        prepare_dir(&dir)?;
        let path = dir.join("token");
        let made = random_digits().and_then(|digits| {
            create(&dir, &path, &digits)?;
            Ok(digits)
        });
        match made {
            Ok(digits) => Ok(Self(Secret::new(digits))),
            Err(source) => Err(TokenError::Io { path, source }),
        }
    }

    /// The file that holds the token of `home`.
    pub fn path(home: &Path) -> PathBuf {
        home.join("auth").join("token")
    }

    /// The token itself, for whoever may see it.
    pub fn into_secret(self) -> Secret {
        self.0
    }

    /// Whether `given` is the token. Takes the same time for every wrong text of a length.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.expose().as_bytes().ct_eq(given).into()
    }

    #[cfg(test)]
    pub(crate) fn of(digits: &str) -> Self {
        Self(Secret::new(digits))
    }
}

/// What the system says of a link where none may be.
const LOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();

fn prepare_dir(dir: &Path) -> Result<(), TokenError> {
    let failed = |source| TokenError::Io {
        path: dir.to_path_buf(),
        source,
    };
    if fs_err::symlink_metadata(dir).is_err() {
        fs_err::create_dir(dir).map_err(failed)?;
        fs_err::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let metadata = fs_err::symlink_metadata(dir).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(TokenError::Unsafe {
            path: dir.to_path_buf(),
            why: "is not a directory".to_owned(),
            way_out: "move it".to_owned(),
        });
    }
    check_private(dir, &metadata, 0o700)
}

/// Neither through a link nor waiting for the other end of a pipe.
fn open_existing(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC))
        .open(path)
}

fn read(file: std::fs::File, path: &Path) -> Result<Token, TokenError> {
    let failed = |source| TokenError::Io {
        path: path.to_path_buf(),
        source,
    };
    let damaged = || TokenError::Damaged {
        path: path.to_path_buf(),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(damaged());
    }
    check_private(path, &metadata, 0o600)?;
    let mut bytes = Vec::new();
    let most = N_DIGITS as u64 + 16;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    let digits = bytes.trim_ascii();
    let is_token = digits.len() == N_DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
    match std::str::from_utf8(digits) {
        Ok(digits) if is_token => Ok(Token(Secret::new(digits))),
        _ => Err(damaged()),
    }
}

fn check_private(path: &Path, metadata: &std::fs::Metadata, wanted: u32) -> Result<(), TokenError> {
    let mode = metadata.permissions().mode() & 0o777;
    let (why, way_out) = if metadata.uid() != getuid().as_raw() {
        let why = format!("belongs to user {}", metadata.uid());
        (why, "remove it".to_owned())
    } else if mode & 0o077 != 0 {
        let why = format!("has mode {mode:04o}");
        (why, format!("run `chmod {wanted:o} {}`", path.display()))
    } else {
        return Ok(());
    };
    Err(TokenError::Unsafe {
        path: path.to_path_buf(),
        why,
        way_out,
    })
}

/// Writes beside and renames: a daemon that is killed in between leaves no half of a token.
fn create(dir: &Path, path: &Path, digits: &str) -> io::Result<()> {
    let beside = dir.join("token.new");
    match fs_err::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::CLOEXEC))
        .open(&beside)?;
    file.write_all(digits.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs_err::rename(&beside, path)?;
    fs_err::File::open(dir)?.sync_all()
}

fn random_digits() -> io::Result<String> {
    use std::fmt::Write as _;
    let mut bytes = [0; N_RANDOM_BYTES];
    fs_err::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut digits = String::with_capacity(N_DIGITS);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits)
}

fn flags(flags: OFlags) -> i32 {
    // The system's flags fit; where they did not, none is set and the checks on the file remain.
    i32::try_from(flags.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs_err::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_token_is_made_once_for_its_owner_alone_and_found_again() {
        let home = tempfile::tempdir().unwrap();
        let made = Token::load_or_create(home.path()).unwrap();
        let found = Token::load_or_create(home.path()).unwrap();
        let path = home.path().join("auth/token");
        let written = fs_err::read_to_string(&path).unwrap();
        let digits = written.trim_end();
        assert_eq!(digits.len(), 64);
        assert!(made.is(digits.as_bytes()) && found.is(digits.as_bytes()));
        assert_eq!(
            (mode(&path), mode(&home.path().join("auth"))),
            (0o600, 0o700)
        );
        assert!(!format!("{made:?}").contains(digits));

        let other = tempfile::tempdir().unwrap();
        assert!(
            !Token::load_or_create(other.path())
                .unwrap()
                .is(digits.as_bytes())
        );
    }

    #[test]
    fn nothing_but_the_whole_token_is_the_token() {
        let token = Token::of("abcd");
        assert!(token.is(b"abcd"));
        for given in ["", "abc", "abcde", "abce", "ABCD", " abcd"] {
            assert!(!token.is(given.as_bytes()), "{given:?}");
        }
    }

    #[test]
    fn a_token_that_others_may_read_stops_the_start_and_says_what_to_run() {
        let home = tempfile::tempdir().unwrap();
        Token::load_or_create(home.path()).unwrap();
        for (name, bad, good) in [("auth/token", 0o640, "600"), ("auth", 0o750, "700")] {
            let path = home.path().join(name);
            let before = mode(&path);
            fs_err::set_permissions(&path, Permissions::from_mode(bad)).unwrap();
            let error = Token::load_or_create(home.path()).unwrap_err().to_string();
            let expected = format!("run `chmod {good} {}`", path.display());
            assert!(error.contains(&expected), "{error}");
            fs_err::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_with_a_token_is_refused_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        Token::load_or_create(home.path()).unwrap();
        let path = home.path().join("auth/token");
        for text in [
            "",
            "abcd",
            &"g".repeat(64),
            &"a".repeat(65),
            &"a".repeat(100),
        ] {
            fs_err::write(&path, text).unwrap();
            let refused = Token::load_or_create(home.path());
            assert!(
                matches!(refused, Err(TokenError::Damaged { .. })),
                "{text:?}"
            );
        }
        let elsewhere = home.path().join("elsewhere");
        fs_err::rename(&path, &elsewhere).unwrap();
        fs_err::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let refused = Token::load_or_create(home.path());
        assert!(
            matches!(refused, Err(TokenError::Unsafe { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn what_a_killed_start_left_behind_is_in_nobodys_way() {
        let home = tempfile::tempdir().unwrap();
        Token::load_or_create(home.path()).unwrap();
        let auth = home.path().join("auth");
        fs_err::remove_file(auth.join("token")).unwrap();
        fs_err::write(auth.join("token.new"), "abc").unwrap();
        Token::load_or_create(home.path()).unwrap();
        assert!(!auth.join("token.new").exists());
    }
}
