//! Whether the files of a configuration are what they were: by content, because the time of a
//! change lies on some file systems, and the change of a link leaves it as it was.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::file::{Source, read_text};

/// SHA-256 over everything of the files that [`crate::load`] goes by: their paths, contents, owners
/// and modes, or why they cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of the files as they are now.
    pub fn of(source: &Source) -> Self {
        let mut hash = Sha256::new();
        for path in source.paths() {
            add(&mut hash, path.as_os_str().as_encoded_bytes());
            match read(path) {
                Ok((text, owner_and_mode)) => {
                    add(&mut hash, owner_and_mode.as_bytes());
                    add(&mut hash, text.as_bytes());
                }
                Err(reason) => add(&mut hash, reason.as_bytes()),
            }
        }
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn read(path: &Path) -> Result<(String, String), String> {
    let (text, metadata) = read_text(path).map_err(|problem| problem.to_string())?;
    let owner_and_mode = format!("{} {:o}", metadata.uid(), metadata.mode());
    Ok((text, owner_and_mode))
}

/// With its length first, so that no two lists of parts are one.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update(part.len().to_le_bytes());
    hash.update(part);
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_changes_with_content_mode_and_presence_and_with_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let source = Source {
            path: Some(path.clone()),
            ..Source::default()
        };
        let now = || Fingerprint::of(&source);
        let absent = now();
        fs_err::write(&path, "{}").unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let empty = now();
        assert_ne!(absent, empty);
        // Another file with the same in it.
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, "{}").unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(now(), empty);
        fs_err::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_ne!(now(), empty);
        fs_err::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs_err::write(&path, "{} ").unwrap();
        assert_ne!(now(), empty);
        assert_eq!(now().as_str().len(), 64);
    }
}
