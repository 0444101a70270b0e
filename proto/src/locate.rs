//! Where the daemon of a home lives: one function for the daemon and all its clients.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Longest socket path that every platform of ours can bind, in bytes. `sun_path` holds 108 on
/// Linux and 104 on macOS, with the closing zero.
const MAX_SOCKET_PATH_BYTES: usize = 100;

/// The control socket of a daemon that is a service of the machine.
pub const SYSTEM_SOCKET: &str = "/run/owlcoda/control.sock";

/// The variables that decide where the daemon is.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `OWLCODA_HOME`.
    pub owlcoda_home: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<OsString>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<OsString>,
}

impl Environment {
    /// Reads the variables of this process. Empty ones count as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where clients read them"
    )]
    pub fn of_process() -> Self {
        let read = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            owlcoda_home: read("OWLCODA_HOME"),
            home: read("HOME"),
            xdg_runtime_dir: read("XDG_RUNTIME_DIR"),
            xdg_config_home: read("XDG_CONFIG_HOME"),
        }
    }
}

/// A daemon's data directory and control socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The data directory; need not exist yet.
    pub home: PathBuf,
    /// The Unix socket of the control API.
    pub socket: PathBuf,
}

/// Why the place of the daemon cannot be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// Neither `--home` nor `OWLCODA_HOME` nor `HOME` is set.
    #[error("no home directory: pass --home DIR or set OWLCODA_HOME")]
    NoHome,
    /// Every candidate for the socket is too long to bind.
    #[error(
        "the control socket path `{}` is {} bytes long, more than {MAX_SOCKET_PATH_BYTES}: \
         pass a shorter --socket PATH, or set XDG_RUNTIME_DIR", path.display(), path.as_os_str().len()
    )]
    SocketPathTooLong {
        /// The path that was tried.
        path: PathBuf,
    },
}

impl Place {
    /// Finds the place: the home is `--home`, else `OWLCODA_HOME`, else `~/.owlcoda`; the socket is
    /// `--socket`, else `<home>/run/control.sock`, else, where that is too long,
    /// `$XDG_RUNTIME_DIR/owlcoda/<hash>.sock` with 16 hex digits of the SHA-256 of the real home path.
    pub fn locate(
        home: Option<&Path>,
        socket: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, LocateError> {
        let home = home
            .map(Path::to_path_buf)
            .or_else(|| environment.owlcoda_home.as_ref().map(PathBuf::from))
            .or_else(|| {
                environment
                    .home
                    .as_ref()
                    .map(|home| Path::new(home).join(".owlcoda"))
            })
            .ok_or(LocateError::NoHome)?;
        let home = std::path::absolute(&home).unwrap_or(home);
        let socket = match socket {
            Some(socket) => std::path::absolute(socket).unwrap_or_else(|_| socket.to_path_buf()),
            None => default_socket(&home, environment),
        };
        if socket.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
            return Err(LocateError::SocketPathTooLong { path: socket });
        }
        Ok(Self { home, socket })
    }
}

impl Place {
    /// Finds the place of the daemon that a client means. As [`Self::locate`], and where nothing was
    /// named and the user has no daemon: that of the service of the machine, if there is one.
    pub fn of_running(
        home: Option<&Path>,
        socket: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, LocateError> {
        let place = Self::locate(home, socket, environment)?;
        let is_named = home.is_some() || socket.is_some() || environment.owlcoda_home.is_some();
        Ok(if is_named {
            place
        } else {
            place.or_system(Path::new(SYSTEM_SOCKET))
        })
    }

    /// The same, with the socket of the machine's service where only that is there.
    fn or_system(mut self, system: &Path) -> Self {
        if is_absent(&self.socket) && !is_absent(system) {
            self.socket = system.to_path_buf();
        }
        self
    }
}

/// Whether nothing is there. What cannot be looked at may be there.
fn is_absent(path: &Path) -> bool {
    let looked = path.symlink_metadata();
    looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn default_socket(home: &Path, environment: &Environment) -> PathBuf {
    let beside_the_data = home.join("run").join("control.sock");
    if beside_the_data.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
        return beside_the_data;
    }
    let Some(runtime_dir) = &environment.xdg_runtime_dir else {
        return beside_the_data;
    };
    Path::new(runtime_dir)
        .join("owlcoda")
        .join(format!("{}.sock", fingerprint(home)))
}

/// 16 hex digits that stand for the real path of `home`, so that a link and its target agree.
fn fingerprint(home: &Path) -> String {
    let real = real_path(home);
    let digest = Sha256::digest(real.as_os_str().as_encoded_bytes());
    digest
        .iter()
        .take(8)
        .fold(String::with_capacity(16), |mut hex, byte| {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            hex
        })
}

/// The path without links. What does not exist yet is appended as written, so that the daemon,
/// which makes the directory, and a client, which comes later, see the same path.
fn real_path(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    path.to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        owlcoda_home: Option<&str>,
        home: Option<&str>,
        run: Option<&str>,
    ) -> Environment {
        Environment {
            owlcoda_home: owlcoda_home.map(Into::into),
            home: home.map(Into::into),
            xdg_runtime_dir: run.map(Into::into),
            xdg_config_home: None,
        }
    }

    #[test]
    fn a_flag_beats_the_variable_and_the_variable_beats_the_default() {
        let all = environment(Some("/var/owl"), Some("/home/ada"), None);
        let place = Place::locate(Some(Path::new("/srv/owl")), None, &all).unwrap();
        assert_eq!(place.socket, Path::new("/srv/owl/run/control.sock"));
        assert_eq!(
            Place::locate(None, None, &all).unwrap().home,
            Path::new("/var/owl")
        );
        let only_home = environment(None, Some("/home/ada"), None);
        assert_eq!(
            Place::locate(None, None, &only_home).unwrap().home,
            Path::new("/home/ada/.owlcoda")
        );
        let nothing = Environment::default();
        assert_eq!(
            Place::locate(None, None, &nothing),
            Err(LocateError::NoHome)
        );
    }

    #[test]
    fn a_client_finds_the_machine_s_daemon_where_the_user_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let [own, system] = ["own.sock", "system.sock"].map(|name| dir.path().join(name));
        let place = || Place {
            home: dir.path().to_path_buf(),
            socket: own.clone(),
        };
        assert_eq!(place().or_system(&system).socket, own);
        let _system = std::os::unix::net::UnixListener::bind(&system).unwrap();
        assert_eq!(place().or_system(&system).socket, system);
        let _own = std::os::unix::net::UnixListener::bind(&own).unwrap();
        assert_eq!(place().or_system(&system).socket, own);
        // What was named is meant, whatever else is there.
        let named = environment(Some("/nonexistent"), None, None);
        let place = Place::of_running(None, None, &named).unwrap();
        assert_eq!(place.socket, Path::new("/nonexistent/run/control.sock"));
    }

    #[test]
    fn a_home_too_deep_for_a_socket_gets_one_in_the_runtime_directory() {
        let deep = format!("/{}", "d".repeat(100));
        let place = Place::locate(
            Some(Path::new(&deep)),
            None,
            &environment(None, None, Some("/run/user/7")),
        )
        .unwrap();
        assert_eq!(
            place.socket.parent(),
            Some(Path::new("/run/user/7/owlcoda"))
        );
        assert_eq!(place.socket.file_stem().unwrap().len(), 16);

        let error =
            Place::locate(Some(Path::new(&deep)), None, &Environment::default()).unwrap_err();
        assert!(
            matches!(error, LocateError::SocketPathTooLong { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_link_to_a_home_and_the_home_itself_have_one_socket() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100));
        let link = dir.path().join("l".repeat(100));
        std::os::unix::fs::symlink(&deep, &link).unwrap();
        let env = environment(None, None, Some("/run/user/7"));
        let before = Place::locate(Some(&deep), None, &env).unwrap().socket;
        #[expect(clippy::disallowed_methods, reason = "a test's own directory")]
        std::fs::create_dir(&deep).unwrap();
        assert_eq!(
            Place::locate(Some(&deep), None, &env).unwrap().socket,
            before
        );
        assert_eq!(
            Place::locate(Some(&link), None, &env).unwrap().socket,
            before
        );
    }
}
