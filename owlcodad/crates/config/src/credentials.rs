//! The file with keys: `credentials.json`, which only its owner may read.
//!
//! ```json
//! {"openrouter": "sk-or-…", "https://models.example.com/v1": "…"}
//! ```
//!
//! A name is a provider's, or the address of a model server. It is looked for in the directory that
//! systemd keeps credentials in, and then in the data directory; where systemd has one, the other is
//! not read. Nothing that is said of it holds a key, or a name that may be one.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use owlcoda_types::Secret;
use serde_json::{Map, Value};

use crate::endpoint::EndpointUrl;
use crate::env::Environment;
use crate::file::read_text;
use crate::problem::{Problem, Severity, code};
use crate::provider;

const FILE_NAME: &str = "credentials.json";

/// Where systemd puts what `LoadCredential=` names.
const SYSTEMD_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Bits of a mode that let anyone but the owner do anything.
const NOT_ITS_OWNER: u32 = 0o077;

/// The same in systemd's directory, which is closed to others and where it may let a group read.
const NOT_ITS_GROUP: u32 = 0o037;

/// Keys by what they are for. Printed it shows how many, never what.
#[derive(Clone, Default, PartialEq)]
pub struct Credentials {
    by_provider: BTreeMap<String, Secret>,
    by_endpoint: BTreeMap<String, Secret>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_keys = self.by_provider.len() + self.by_endpoint.len();
        write!(f, "Credentials({n_keys} keys)")
    }
}

impl Credentials {
    /// The key for a model server: that for its address, else that for its provider.
    pub(crate) fn key(&self, provider: Option<&str>, endpoint: &EndpointUrl) -> Option<Secret> {
        let of_endpoint = self.by_endpoint.get(&endpoint.id());
        let of_provider = || self.by_provider.get(provider?);
        of_endpoint.or_else(of_provider).cloned()
    }
}

/// Finds the file with keys, if there is one.
pub fn find_credentials(home: &Path, env: &Environment) -> Option<PathBuf> {
    let systemd = env.get(SYSTEMD_DIRECTORY).map(Path::new);
    let directories = systemd.into_iter().chain([home]);
    directories
        .map(|directory| directory.join(FILE_NAME))
        // One that cannot be read is no reason to go on without it: reading it will tell.
        .find(|path| path.symlink_metadata().is_ok())
}

/// Reads the file. Answers what a person should know of it beside the keys.
pub(crate) fn read(
    path: &Path,
    env: &Environment,
) -> Result<(Credentials, Vec<Problem>), Vec<Problem>> {
    let (text, metadata) = read_text(path).map_err(|problem| vec![problem])?;
    let our_uid = rustix::process::geteuid().as_raw();
    let is_systemd_s = env
        .get(SYSTEMD_DIRECTORY)
        .is_some_and(|directory| path.parent() == Some(Path::new(directory)));
    let forbidden = if is_systemd_s {
        NOT_ITS_GROUP
    } else {
        NOT_ITS_OWNER
    };
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if let Some(reason) = distrust(path, owner, mode, forbidden, our_uid) {
        return Err(vec![error(code::CREDENTIALS_OPEN, "", reason)]);
    }
    parse(&text)
}

/// Why a file with this owner and mode is no place for keys, and what to run.
fn distrust(path: &Path, owner: u32, mode: u32, forbidden: u32, our_uid: u32) -> Option<String> {
    let shown = path.display();
    if owner != our_uid && owner != 0 {
        return Some(format!(
            "holds keys and belongs to user {owner}, neither to user {our_uid}, as whom the daemon \
             runs, nor to root; run `chown {our_uid} {shown} && chmod 600 {shown}`"
        ));
    }
    (mode & forbidden != 0).then(|| {
        format!(
            "holds keys and its mode {mode:04o} opens it to others; run `chmod 600 {shown}`, and \
             replace the keys if others may have read them"
        )
    })
}

fn parse(text: &str) -> Result<(Credentials, Vec<Problem>), Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // serde's message is left out: it may quote a value.
    let entries: Map<String, Value> = serde_json::from_str(text).map_err(|fault| {
        let message = "must hold one JSON object of strings, such as `{\"openrouter\": \"sk-…\"}`";
        vec![Problem {
            line: u32::try_from(fault.line()).ok().filter(|line| *line > 0),
            ..error(code::BAD_CREDENTIALS, "", message.to_owned())
        }]
    })?;
    let mut credentials = Credentials::default();
    let mut problems = Vec::new();
    let mut remarks = Vec::new();
    for (idx, (name, value)) in entries.into_iter().enumerate() {
        // In the file's order; the name is not shown, since it may be a key in the wrong place.
        let place = format!("entry {}", idx + 1);
        let Value::String(key) = value else {
            problems.push(error(
                code::BAD_CREDENTIALS,
                &place,
                "must be a string".to_owned(),
            ));
            continue;
        };
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "the key cannot be sent: it is empty, or has a space, a line break or \
                           another character in it that keys do not have";
            problems.push(error(code::BAD_CREDENTIALS, &place, message.to_owned()));
            continue;
        }
        let key = Secret::new(key);
        if provider::find(&name).is_some() {
            credentials.by_provider.insert(name, key);
        } else if let Some(id) = endpoint_id(&name) {
            credentials.by_endpoint.insert(id, key);
        } else {
            let message = "names neither a provider (in lower case) nor the address of a model \
                           server, and is not used";
            remarks.push(Problem {
                severity: Severity::Warning,
                ..error(code::UNKNOWN_CREDENTIAL, &place, message.to_owned())
            });
        }
    }
    if problems.is_empty() {
        Ok((credentials, remarks))
    } else {
        Err(problems)
    }
}

/// An address as people write it, or as `owlctl models` shows it: `127.0.0.1:8000`.
fn endpoint_id(name: &str) -> Option<String> {
    let url = if name.contains("://") {
        EndpointUrl::parse(name)
    } else if name.contains(':') {
        EndpointUrl::parse(&format!("http://{name}"))
    } else {
        return None;
    };
    url.ok().map(|url| url.id())
}

fn error(code: &'static str, path: &str, message: String) -> Problem {
    Problem {
        severity: Severity::Error,
        code,
        path: path.to_owned(),
        line: None,
        column: None,
        message,
    }
}
