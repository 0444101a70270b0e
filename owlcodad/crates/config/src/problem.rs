//! What is wrong with a configuration, in one list that is bounded and complete.

use std::fmt;

/// Most problems of one severity that are kept; the rest is counted.
const MAX_PROBLEMS: usize = 100;

/// Whether the configuration can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used; a person should know.
    Warning,
}

/// One thing that is wrong, where it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the configuration is refused for it.
    pub severity: Severity,
    /// One of [`code`], for programs.
    pub code: &'static str,
    /// `models[2].endpoint`, or the name of an environment variable, or empty for the whole file.
    pub path: String,
    /// Line in the file, from 1. None where the file has no such place.
    pub line: Option<u32>,
    /// Where in that line it begins, in bytes from 1. None where there is no such line, or nothing is
    /// known of it.
    pub column: Option<u32>,
    /// A fragment for people. Never holds a key, a token or a header value.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// Every code, each with the situation it stands for.
pub mod code {
    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident,)*) => {
            $($(#[$doc])* pub const $name: &str = stringify!($name);)*
            /// Every code there is.
            pub const ALL: &[&str] = &[$($name),*];
        };
    }
    codes! {
        /// The named file does not exist.
        FILE_NOT_FOUND,
        /// The file exists and cannot be read.
        FILE_UNREADABLE,
        /// The path is a directory, a pipe or a device.
        NOT_A_FILE,
        /// The file is larger than the limit.
        FILE_TOO_LARGE,
        /// The file is not UTF-8 text.
        NOT_UTF8,
        /// The file has no content.
        EMPTY_FILE,
        /// The text is not JSON.
        INVALID_JSON,
        /// The text is JSON, but not an object.
        NOT_AN_OBJECT,
        /// An object has the same key twice.
        DUPLICATE_KEY,
        /// No version of the product or of ours has this key here.
        UNKNOWN_KEY,
        /// A key that must be there is not.
        MISSING_KEY,
        /// The value has the wrong JSON type.
        WRONG_TYPE,
        /// The number is outside its range, or not whole.
        OUT_OF_RANGE,
        /// The value is not one of those that are allowed.
        UNKNOWN_VALUE,
        /// Accepted, checked, and without effect in this version.
        NOT_IN_EFFECT,
        /// The file has the form of a newer version.
        NEWER_CONFIG,
        /// A key of older versions, in a file that says it has the form of this one.
        OLD_KEY,
        /// A key of older versions that nothing can be made of.
        NOT_CARRIED_OVER,
        /// More problems than are shown.
        MORE_PROBLEMS,
        /// An empty, overlong or unprintable name.
        BAD_NAME,
        /// Not an address to listen on, or one that other machines reach without leave.
        BAD_HOST,
        /// Other machines may reach a class of endpoints without the token.
        REMOTE_WITHOUT_TOKEN,
        /// Not a host that callers could name.
        BAD_ALLOWED_HOST,
        /// Not an origin that a browser could send.
        BAD_ALLOWED_ORIGIN,
        /// Every program on this machine may use a class of endpoints.
        NO_AUTH,
        /// Not the base address of a model server.
        BAD_ENDPOINT,
        /// A header that cannot be sent, or that is not the user's to set.
        BAD_HEADER,
        /// A key that cannot be sent in a header.
        BAD_KEY,
        /// Not the name of an environment variable.
        BAD_VARIABLE_NAME,
        /// Neither a program name nor an absolute path.
        BAD_COMMAND,
        /// Not an absolute path of a URL.
        BAD_READY_PATH,
        /// The provider is none that is known.
        UNKNOWN_PROVIDER,
        /// A model names a provider and a runtime of its own.
        PROVIDER_AND_RUNTIME,
        /// The provider does not speak the protocol that the model names.
        PROVIDER_PROTOCOL,
        /// The provider takes names in lower case only.
        MODEL_NAME_CASE,
        /// No key for a provider that wants one.
        NO_KEY,
        /// The file with keys is open to others.
        CREDENTIALS_OPEN,
        /// The file with keys is not what it must be.
        BAD_CREDENTIALS,
        /// A key is for nothing that is known.
        UNKNOWN_CREDENTIAL,
        /// The catalog is not what it must be.
        BAD_CATALOG,
        /// The catalog calls a channel by a name that is not known.
        UNKNOWN_CHANNEL,
        /// The catalog names a model that is not in it.
        UNKNOWN_TARGET,
        /// The variable named by `apiKeyEnv` is not set.
        MISSING_KEY_VARIABLE,
        /// Both `apiKey` and `apiKeyEnv`.
        KEY_GIVEN_TWICE,
        /// A key would travel unencrypted to another machine.
        KEY_OVER_HTTP,
        /// The file holds keys and others may read it.
        KEY_FILE_READABLE,
        /// Two models have one id.
        DUPLICATE_ID,
        /// Two models have one alias.
        DUPLICATE_ALIAS,
        /// An alias is the id of another model.
        ALIAS_IS_ID,
        /// More than one model is the default.
        TWO_DEFAULTS,
        /// No model is the default.
        NO_DEFAULT,
        /// The tier is none that routing knows.
        UNKNOWN_TIER,
        /// No model is named, and none is looked for.
        NO_MODELS,
        /// A model server is to be where the daemon, or another one, is.
        PORT_CONFLICT,
        /// A model has no endpoint, and `routerUrl` is not set.
        NO_ENDPOINT,
        /// A model has both an endpoint and a runtime.
        ENDPOINT_AND_RUNTIME,
        /// A model names a runtime that is not there.
        UNKNOWN_RUNTIME,
        /// Two runtimes have one name.
        DUPLICATE_RUNTIME,
        /// The runtime is not told which port to listen on.
        MISSING_PORT_PLACEHOLDER,
        /// Programs are named in a file that others may change.
        UNTRUSTED_FILE,
    }
}

/// Gathers problems while a configuration is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    n_errors: usize,
    n_warnings: usize,
}

impl Report {
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(Problem {
            severity: Severity::Error,
            code,
            path: path.into(),
            line: None,
            column: None,
            message: message.into(),
        });
    }

    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(Problem {
            severity: Severity::Warning,
            code,
            path: path.into(),
            line: None,
            column: None,
            message: message.into(),
        });
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        let n_before = match problem.severity {
            Severity::Error => &mut self.n_errors,
            Severity::Warning => &mut self.n_warnings,
        };
        if *n_before < MAX_PROBLEMS {
            self.problems.push(problem);
        }
        *n_before += 1;
    }

    /// Whether something is already said about this place or one within it, so that a later check
    /// can leave out what only follows from it.
    pub(crate) fn mentions(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| {
            problem
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Whether further errors are only counted.
    pub(crate) const fn is_full_of_errors(&self) -> bool {
        self.n_errors >= MAX_PROBLEMS
    }

    pub(crate) const fn has_errors(&self) -> bool {
        self.n_errors > 0
    }

    /// Everything that was found, errors first, each group in the order of the file.
    pub(crate) fn finish(mut self, find_lines: impl FnOnce(&mut [Problem])) -> Vec<Problem> {
        find_lines(&mut self.problems);
        self.problems
            .sort_by_key(|problem| (problem.severity, problem.line.unwrap_or(u32::MAX)));
        let more = [
            (Severity::Error, self.n_errors),
            (Severity::Warning, self.n_warnings),
        ];
        for (severity, n_found) in more {
            if n_found > MAX_PROBLEMS {
                self.problems.push(Problem {
                    severity,
                    code: code::MORE_PROBLEMS,
                    path: String::new(),
                    line: None,
                    column: None,
                    message: format!("and {} more of the kind", n_found - MAX_PROBLEMS),
                });
            }
        }
        self.problems
    }
}
