//! Where the file is, whether it may name programs, and how it is read.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use owlcoda_types::ErrorCode;
use rustix::fs::{Mode, OFlags};

use crate::catalog;
use crate::credentials::{self, Credentials};
use crate::env::Environment;
use crate::parse::{Beside, Loaded, names_models, parse_with};
use crate::problem::{Problem, Severity, code};

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Bits of a mode that let group or others write.
const OTHERS_WRITE: u32 = 0o022;
/// Bits of a mode that let group or others read.
const OTHERS_READ: u32 = 0o044;

/// Where the configuration is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The file. None: there is none, and defaults hold.
    pub path: Option<PathBuf>,
    /// Whether someone asked for this very file.
    pub must_exist: bool,
}

/// What [`load`] reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file. None: defaults and environment only.
    pub path: Option<PathBuf>,
    /// The file with keys. None: there is none.
    pub credentials: Option<PathBuf>,
    /// The catalog, for a file that names no models. None: there is none.
    pub catalog: Option<PathBuf>,
}

impl Source {
    /// The files, each of which may be absent.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let paths = [&self.path, &self.credentials, &self.catalog];
        paths.into_iter().flatten().map(PathBuf::as_path)
    }
}

impl From<Found> for Source {
    fn from(found: Found) -> Self {
        Self {
            path: found.path,
            ..Self::default()
        }
    }
}

/// How far a file can be trusted, from its owner and mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTrust {
    /// Why programs that the file names must not be started, and what to run. None: they may.
    pub distrust: Option<String>,
    /// Whether group or others may read it.
    pub is_readable_by_others: bool,
}

impl FileTrust {
    /// Of a text that is ours: no file, or one that only we can change and read.
    pub const FULL: Self = Self {
        distrust: None,
        is_readable_by_others: false,
    };

    /// Of a file with this owner and mode, for a daemon that runs as `our_uid`.
    pub fn of_owner_and_mode(path: &Path, owner_uid: u32, mode: u32, our_uid: u32) -> Self {
        let mode = mode & 0o7777;
        let shown = path.display();
        let distrust = if owner_uid != our_uid && owner_uid != 0 {
            Some(format!(
                "user {owner_uid} owns it (mode {mode:04o}), and neither user {our_uid}, as whom \
                 the daemon runs, nor root; make it yours with \
                 `chown {our_uid} {shown} && chmod 600 {shown}`"
            ))
        } else if mode & OTHERS_WRITE != 0 {
            Some(format!(
                "its mode {mode:04o} lets others change it (owner: user {owner_uid}); \
                 run `chmod go-w {shown}`"
            ))
        } else {
            None
        };
        Self {
            distrust,
            is_readable_by_others: mode & OTHERS_READ != 0,
        }
    }
}

/// What a file is to the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The configuration itself.
    Configuration,
    /// The keys.
    Credentials,
    /// The models of a router.
    Catalog,
}

/// Why there is no configuration: every problem at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file. None: the environment alone is at fault.
    pub path: Option<PathBuf>,
    /// Which file that is.
    pub role: Role,
    /// Errors first, then warnings, each group in the order of the file.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// What other surfaces make of it.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InvalidConfig
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            // A variable's problem is not in the file.
            let is_of_variable = problem.path.starts_with("OWLCODA_");
            if let Some(path) = self.path.as_ref().filter(|_| !is_of_variable) {
                write!(f, "{}:", path.display())?;
                if let Some(line) = problem.line {
                    write!(f, "{line}:")?;
                }
                f.write_str(" ")?;
            }
            if problem.severity == Severity::Warning {
                f.write_str("warning: ")?;
            }
            writeln!(f, "{problem}")?;
        }
        match &self.path {
            Some(_) if self.role != Role::Configuration => {
                f.write_str("nothing was started; correct the above, or move the file away")
            }
            Some(_) => f.write_str(
                "nothing was started; correct the above, or name another file: \
                 owlcodad serve --config FILE",
            ),
            None => f.write_str("nothing was started; correct or unset the above"),
        }
    }
}

/// Finds the file: `--config`, else `<home>/config.json` if there is one, else none.
pub fn find(config_flag: Option<&Path>, home: &Path) -> Found {
    if let Some(path) = config_flag {
        return Found {
            path: Some(path.to_path_buf()),
            must_exist: true,
        };
    }
    let path = home.join("config.json");
    // A link to nowhere or a directory that cannot be searched is no reason to go on without the
    // file: reading it will tell.
    let is_absent = path
        .symlink_metadata()
        .is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory));
    Found {
        path: (!is_absent).then_some(path),
        must_exist: false,
    }
}

/// One line for someone who has a `./config.json` and may expect it to be read.
pub fn stray_notice(cwd: &Path, found: &Found) -> Option<String> {
    let stray = cwd.join("config.json");
    if found.must_exist || !stray.is_file() {
        return None;
    }
    let is_the_one = found.path.as_deref().is_some_and(|path| {
        path.canonicalize()
            .is_ok_and(|path| stray.canonicalize().is_ok_and(|stray| stray == path))
    });
    (!is_the_one).then(|| {
        "./config.json is not read; to use it: owlcodad serve --config ./config.json".to_owned()
    })
}

/// Reads the configuration, or says everything that is wrong with it.
pub fn load(source: &Source, env: &Environment) -> Result<Loaded, ConfigError> {
    load_text(source, env).map(|(loaded, _)| loaded)
}

/// The same, with the text of the file.
pub(crate) fn load_text(
    source: &Source,
    env: &Environment,
) -> Result<(Loaded, String), ConfigError> {
    let (credentials, remarks) = match &source.credentials {
        None => (Credentials::default(), Vec::new()),
        Some(path) => credentials::read(path, env).map_err(|problems| ConfigError {
            path: Some(path.clone()),
            role: Role::Credentials,
            problems,
        })?,
    };
    let configuration = match &source.path {
        None => Ok(("{}".to_owned(), FileTrust::FULL)),
        Some(path) => read(path),
    };
    let failed = |problems| ConfigError {
        path: source.path.clone(),
        role: Role::Configuration,
        problems,
    };
    let (text, trust) = configuration.map_err(|problem| failed(vec![problem]))?;
    let catalog = source.catalog.as_deref().filter(|_| !names_models(&text));
    let (catalog, of_catalog) = match catalog {
        None => (None, Vec::new()),
        Some(path) => {
            let (catalog, remarks) = catalog::read(path).map_err(|problems| ConfigError {
                path: Some(path.to_path_buf()),
                role: Role::Catalog,
                problems,
            })?;
            (Some(catalog), remarks)
        }
    };
    let beside = Beside {
        credentials: &credentials,
        catalog,
    };
    let mut loaded = parse_with(&text, env, &trust, beside).map_err(failed)?;
    let remarks = remarks
        .into_iter()
        .map(|remark| of_file("credentials.json", remark));
    let of_catalog = of_catalog
        .into_iter()
        .map(|remark| of_file("catalog.json", remark));
    loaded.warnings.extend(remarks.chain(of_catalog));
    if source.path.is_none() {
        // There is no file whose form could be another.
        loaded.changes.clear();
    }
    Ok((loaded, text))
}

/// A remark on another file than the configuration, whose lines are not meant.
fn of_file(name: &str, remark: Problem) -> Problem {
    let line = remark.line;
    let line = line.map_or_else(String::new, |line| format!("line {line}: "));
    Problem {
        path: format!("{name}: {line}{}", remark.path),
        line: None,
        column: None,
        ..remark
    }
}

fn read(path: &Path) -> Result<(String, FileTrust), Problem> {
    let (text, metadata) = read_text(path)?;
    let our_uid = rustix::process::geteuid().as_raw();
    let trust = FileTrust::of_owner_and_mode(path, metadata.uid(), metadata.mode(), our_uid);
    Ok((text, trust))
}

/// Owner and mode are asked of the open file, so that no one can swap it in between.
pub(crate) fn read_text(path: &Path) -> Result<(String, Metadata), Problem> {
    // Without NONBLOCK, opening a pipe would wait for someone to write.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| unreadable(&error.into()))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        let kind = metadata.file_type();
        let found = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a pipe",
            () => "a device",
        };
        let message = format!("must be a regular file, and is {found}");
        return Err(problem(code::NOT_A_FILE, message));
    }
    let mut bytes = Vec::new();
    (&file)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(problem(code::FILE_TOO_LARGE, message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid_until = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid_until).unwrap_or_default();
        let n_breaks = before.split(|byte| *byte == b'\n').count() - 1;
        Problem {
            line: u32::try_from(n_breaks + 1).ok(),
            ..problem(code::NOT_UTF8, "is not UTF-8 text".to_owned())
        }
    })?;
    Ok((text, metadata))
}

fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => problem(code::FILE_NOT_FOUND, "there is no such file".to_owned()),
        _ => problem(
            code::FILE_UNREADABLE,
            format!("the file cannot be read: {error}"),
        ),
    }
}

fn problem(code: &'static str, message: String) -> Problem {
    Problem {
        severity: Severity::Error,
        code,
        path: String::new(),
        line: None,
        column: None,
        message,
    }
}
