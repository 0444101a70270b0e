//! Which files the configuration is read from, at any time of the daemon's life.

use std::path::{Path, PathBuf};

use owlcoda_config::{ConfigError, Environment, Fingerprint, Loaded, Problem, Setting, Source};
use owlcoda_supervise::ConfigProblem;

/// Where to look. The files may come, go and change.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    flag: Option<PathBuf>,
    home: PathBuf,
    env: Environment,
    /// Set once there was a file: one that is gone later is missed.
    path: Option<PathBuf>,
}

/// What was read at one moment.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) source: Source,
    pub(crate) fingerprint: Fingerprint,
    /// With every value as it is shown.
    pub(crate) loaded: Result<(Loaded, Vec<Setting>), ConfigError>,
}

impl Reading {
    /// Of these files at this moment.
    pub(crate) fn of(source: Source, env: &Environment) -> Self {
        let read = owlcoda_config::settings(&source, env);
        Self {
            fingerprint: Fingerprint::of(&source),
            loaded: read.map(|(settings, loaded)| (loaded, settings)),
            source,
        }
    }

    /// The files.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        let Source {
            path,
            credentials,
            catalog,
        } = self.source.clone();
        [path, credentials, catalog].into_iter().flatten().collect()
    }
}

impl Sources {
    /// `flag` is the file that was asked for on the command line.
    pub(crate) fn new(flag: Option<PathBuf>, home: PathBuf, env: Environment) -> Self {
        Self {
            flag,
            home,
            env,
            path: None,
        }
    }

    /// The files as they are now.
    pub(crate) fn now(&mut self) -> Source {
        let found = owlcoda_config::find(self.flag.as_deref(), &self.home);
        if found.path.is_some() {
            self.path.clone_from(&found.path);
        }
        Source {
            path: self.path.clone(),
            credentials: owlcoda_config::find_credentials(&self.home, &self.env),
            catalog: owlcoda_config::find_catalog(&self.home, &self.env),
        }
    }

    /// Every file that could be one of them.
    pub(crate) fn watched(&mut self) -> Vec<PathBuf> {
        let in_home = |name: &str| self.home.join(name);
        let usual = ["config.json", "credentials.json", "catalog.json"].map(in_home);
        let now = self.now();
        let mut paths: Vec<_> = match &self.flag {
            Some(flag) => vec![flag.clone()],
            None => Vec::new(),
        };
        let now = [now.path, now.credentials, now.catalog];
        for path in usual.into_iter().chain(now.into_iter().flatten()) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }

    /// Whether the files are other ones than those of `fingerprint`.
    pub(crate) fn differ_from(&mut self, fingerprint: &Fingerprint) -> bool {
        Fingerprint::of(&self.now()) != *fingerprint
    }

    /// Reads them. `None` where somebody was writing meanwhile.
    pub(crate) fn read(&mut self) -> Option<Reading> {
        let source = self.now();
        let before = Fingerprint::of(&source);
        let reading = Reading::of(source, &self.env);
        (reading.fingerprint == before).then_some(reading)
    }
}

/// Everything that is wrong, each with the file it is in.
pub(crate) fn problems_of(error: &ConfigError) -> Vec<ConfigProblem> {
    let file = error.path.as_deref();
    let problems = error.problems.iter();
    problems.map(|problem| described(problem, file)).collect()
}

/// `problem`, in `file` unless it is one of a variable or names its file itself.
pub(crate) fn described(problem: &Problem, file: Option<&Path>) -> ConfigProblem {
    let elsewhere = ["OWLCODA_", "catalog.json: ", "credentials.json: "];
    let is_elsewhere = elsewhere.iter().any(|it| problem.path.starts_with(it));
    let file = file.filter(|_| !is_elsewhere);
    ConfigProblem {
        is_warning: problem.severity == owlcoda_config::Severity::Warning,
        code: problem.code.to_owned(),
        file: file.map_or_else(String::new, |file| file.display().to_string()),
        line: problem.line,
        column: problem.column.filter(|_| file.is_some()),
        path: problem.path.clone(),
        message: problem.message.clone(),
    }
}
