//! `owlcodad validate`: everything that is wrong with a configuration, each with its line and code.

use owlcoda_config::{Change, ConfigError, Environment, Loaded, Role, Source, load};
use owlcoda_supervise::ConfigProblem;
use owlcoda_types::{ErrorCode, printable};
use serde::Serialize;

use crate::cli::{PlaceArgs, ValidateArgs};
use crate::failure::Failure;
use crate::offline::document::{ProblemRow, json, shown};
use crate::offline::text::{count, wrapped};
use crate::offline::{Answer, Ground};
use crate::reload::{described, problems_of};

/// What a check of the files came to.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The file; none where there is none and the defaults hold.
    pub(super) file: Option<String>,
    /// Errors first, each group in the order of its file.
    pub(super) problems: Vec<ConfigProblem>,
    /// What older forms were read as.
    pub(super) changes: Vec<Change>,
    /// The configuration, where it can be used.
    pub(super) loaded: Option<Loaded>,
}

impl Verdict {
    /// Reads all the files, and goes on past a bad one of those beside the configuration.
    pub(super) fn of(source: &Source, env: &Environment) -> Self {
        let mut source = source.clone();
        let file = source.path.as_deref().map(shown);
        let mut problems = Vec::new();
        loop {
            let refused: ConfigError = match load(&source, env) {
                Ok(loaded) => {
                    let warnings = loaded.warnings.iter();
                    let path = source.path.as_deref();
                    problems.extend(warnings.map(|warning| described(warning, path)));
                    // Errors of another file come first.
                    problems.sort_by_key(|problem| problem.is_warning);
                    let is_usable = problems.iter().all(|problem| problem.is_warning);
                    return Self {
                        file,
                        problems,
                        changes: loaded.changes.clone(),
                        loaded: is_usable.then_some(loaded),
                    };
                }
                Err(refused) => refused,
            };
            problems.extend(problems_of(&refused));
            match refused.role {
                Role::Credentials => source.credentials = None,
                Role::Catalog => source.catalog = None,
                Role::Configuration => {
                    problems.sort_by_key(|problem| problem.is_warning);
                    return Self {
                        file,
                        problems,
                        changes: Vec::new(),
                        loaded: None,
                    };
                }
            }
        }
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.loaded.is_some()
    }

    fn n_warnings(&self) -> usize {
        let warnings = self.problems.iter().filter(|problem| problem.is_warning);
        warnings.count()
    }

    fn n_errors(&self) -> usize {
        self.problems.len() - self.n_warnings()
    }

    pub(super) fn status(&self) -> u8 {
        if self.is_valid() {
            0
        } else {
            ErrorCode::InvalidConfig.exit_status()
        }
    }

    /// One line: what it is about, and how it is.
    pub(super) fn summary(&self) -> String {
        let file = self.file.as_deref();
        let file = file.unwrap_or("no configuration file, so the defaults hold");
        let errors = count(self.n_errors(), "error");
        let warnings = count(self.n_warnings(), "warning");
        let verdict = match (self.is_valid(), self.n_warnings()) {
            (true, 0) => "valid".to_owned(),
            (true, _) => format!("valid, with {warnings}"),
            (false, _) => format!("not valid: {errors}, {warnings}"),
        };
        format!("{}: {verdict}", printable(file))
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            // One line each: editors go to `file:line:`.
            text.push_str(&printable(&problem.to_string()));
            text.push('\n');
        }
        if self.changes.len() > 1 {
            text.push_str(&wrapped(
                "",
                "the file has an older form, which is read as today's; to rewrite it: owlcodad \
                 config migrate",
            ));
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    pub(super) fn row(&self) -> ValidationRow<'_> {
        ValidationRow {
            file: self.file.as_deref(),
            is_valid: self.is_valid(),
            n_errors: self.n_errors(),
            n_warnings: self.n_warnings(),
            problems: self.problems.iter().map(ProblemRow::from).collect(),
            migrations: self.changes.iter().map(ChangeRow::from).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ValidationRow<'v> {
    file: Option<&'v str>,
    is_valid: bool,
    n_errors: usize,
    n_warnings: usize,
    problems: Vec<ProblemRow>,
    /// What the file's older form is read as; empty where it has today's.
    migrations: Vec<ChangeRow<'v>>,
}

/// One thing that a migration does.
#[derive(Serialize)]
pub(super) struct ChangeRow<'c> {
    version: u64,
    path: &'c str,
    message: &'c str,
    is_lossy: bool,
}

impl<'c> From<&'c Change> for ChangeRow<'c> {
    fn from(change: &'c Change) -> Self {
        Self {
            version: change.version,
            path: &change.path,
            message: &change.message,
            is_lossy: change.is_lossy,
        }
    }
}

pub(super) fn run(args: &ValidateArgs) -> Result<Answer, Failure> {
    let verdict = match (&args.file, Ground::of(&args.place)) {
        (None, ground) => {
            let ground = ground?;
            Verdict::of(&ground.source, &ground.env)
        }
        (Some(file), ground) => {
            let place = PlaceArgs {
                config: Some(file.clone()),
                home: args.place.home.clone(),
            };
            match ground.and_then(|_| Ground::of(&place)) {
                Ok(ground) => Verdict::of(&ground.source, &ground.env),
                // A file can be looked at without a home.
                Err(Failure::Locate(_)) => {
                    let source = Source {
                        path: Some(file.clone()),
                        ..Source::default()
                    };
                    Verdict::of(&source, &Environment::of_process())
                }
                Err(failure) => return Err(failure),
            }
        }
    };
    Ok(Answer {
        text: verdict.text(),
        json: json("Validation", &verdict.row()),
        status: verdict.status(),
    })
}
