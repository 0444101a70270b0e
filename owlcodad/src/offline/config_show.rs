//! `owlcodad config show`: every value in force and what it comes from. Secrets are `***`.

use owlcoda_config::{Origin, Setting, settings};
use owlcoda_types::printable;
use serde::Serialize;
use serde_json::Value;

use crate::cli::PlaceArgs;
use crate::failure::Failure;
use crate::offline::document::{json, shown};
use crate::offline::text::wrapped;
use crate::offline::{Answer, Ground};

#[derive(Serialize)]
struct Shown<'s> {
    /// Null where there is no file and the defaults hold.
    file: Option<&'s str>,
    /// In the order of the reference page, models and runtimes last.
    settings: Vec<Row<'s>>,
}

#[derive(Serialize)]
struct Row<'s> {
    path: &'s str,
    value: &'s Value,
    source: SourceRow<'s>,
}

#[derive(Serialize)]
struct SourceRow<'s> {
    /// `default`, `file`, `variable`, `catalog` or `credentials`.
    kind: &'static str,
    /// Line of a file, from 1.
    line: Option<u32>,
    /// Name of a variable.
    variable: Option<&'s str>,
}

impl<'s> From<&'s Origin> for SourceRow<'s> {
    fn from(origin: &'s Origin) -> Self {
        let (kind, line, variable) = match origin {
            Origin::Default => ("default", None, None),
            Origin::File { line } => ("file", *line, None),
            Origin::Variable(name) => ("variable", None, Some(name.as_str())),
            Origin::Catalog => ("catalog", None, None),
            Origin::Credentials => ("credentials", None, None),
            Origin::Daemon => ("daemon", None, None),
        };
        Self {
            kind,
            line,
            variable,
        }
    }
}

pub(super) fn run(place: &PlaceArgs) -> Result<Answer, Failure> {
    let ground = Ground::of(place)?;
    let (settings, _) = settings(&ground.source, &ground.env).map_err(Failure::NotValid)?;
    let file = ground.source.path.as_deref().map(shown);
    let document = Shown {
        file: file.as_deref(),
        settings: settings
            .iter()
            .map(|setting| Row {
                path: &setting.path,
                value: &setting.value,
                source: SourceRow::from(&setting.origin),
            })
            .collect(),
    };
    Ok(Answer {
        text: text(file.as_deref(), &settings),
        json: json("Config", &document),
        status: 0,
    })
}

fn text(file: Option<&str>, settings: &[Setting]) -> String {
    let mut text = match file {
        Some(file) => format!("{}\n\n", printable(file)),
        None => "no configuration file: the defaults hold\n\n".to_owned(),
    };
    for setting in settings {
        let source = match &setting.origin {
            Origin::Default => "default".to_owned(),
            Origin::File { line: Some(line) } => format!("line {line}"),
            Origin::File { line: None } => "file".to_owned(),
            Origin::Variable(name) => name.clone(),
            Origin::Catalog => "catalog.json".to_owned(),
            Origin::Credentials => "credentials.json".to_owned(),
            Origin::Daemon => "the daemon".to_owned(),
        };
        let head = format!("{} = ", printable(&setting.path));
        text.push_str(&wrapped(&head, &format!("{}  ({source})", setting.value)));
    }
    text
}
