//! `owlcodad config migrate`: rewrites a file of an older version in the form of today.

use std::fmt::Write as _;

use owlcoda_config::{ConfigError, Migrated, Role, migrated};
use owlcoda_types::printable;
use serde::Serialize;

use crate::cli::MigrateArgs;
use crate::failure::Failure;
use crate::offline::document::{json, shown};
use crate::offline::text::wrapped;
use crate::offline::validate::ChangeRow;
use crate::offline::write::{Access, back_up, replace};
use crate::offline::{Answer, Ground};

#[derive(Serialize)]
struct Migration<'m> {
    file: Option<&'m str>,
    from_version: u64,
    to_version: u64,
    is_written: bool,
    /// The file as it was; null where nothing was written.
    backup: Option<&'m str>,
    changes: Vec<ChangeRow<'m>>,
}

pub(super) fn run(args: &MigrateArgs) -> Result<Answer, Failure> {
    let ground = Ground::of(&args.place)?;
    let Some(path) = ground.source.path.as_deref() else {
        let version = owlcoda_config::CONFIG_VERSION;
        let nothing = Migration {
            file: None,
            from_version: version,
            to_version: version,
            is_written: false,
            backup: None,
            changes: Vec::new(),
        };
        return Ok(Answer {
            text: "there is no configuration file, so there is nothing to do\n".to_owned(),
            json: json("ConfigMigration", &nothing),
            status: 0,
        });
    };
    let migrated = migrated(path).map_err(|problems| {
        Failure::NotValid(ConfigError {
            path: Some(path.to_path_buf()),
            role: Role::Configuration,
            problems,
        })
    })?;
    let is_to_be_written = !migrated.changes.is_empty() && !args.dry_run;
    let backup = if is_to_be_written {
        let failed = |source| Failure::Write {
            path: path.to_path_buf(),
            source,
        };
        let backup = back_up(path).map_err(failed)?;
        replace(path, &migrated.text, Access::AsBefore).map_err(failed)?;
        Some(shown(&backup))
    } else {
        None
    };
    let file = shown(path);
    let document = Migration {
        file: Some(&file),
        from_version: migrated.from,
        to_version: migrated.to,
        is_written: backup.is_some(),
        backup: backup.as_deref(),
        changes: migrated.changes.iter().map(ChangeRow::from).collect(),
    };
    Ok(Answer {
        text: text(&file, &migrated, backup.as_deref()),
        json: json("ConfigMigration", &document),
        status: 0,
    })
}

fn text(file: &str, migrated: &Migrated, backup: Option<&str>) -> String {
    if migrated.changes.is_empty() {
        let file = printable(file);
        return format!("{file} has the form of today (version {})\n", migrated.to);
    }
    let file = printable(file);
    let mut text = format!("{file}: version {} to {}\n", migrated.from, migrated.to);
    for change in &migrated.changes {
        let mark = if change.is_lossy { "! " } else { "  " };
        let line = format!("`{}` {}", change.path, change.message);
        text.push_str(&wrapped(mark, &line));
    }
    match backup {
        Some(backup) => {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "written; as it was: {}", printable(backup));
        }
        None => text.push_str("nothing is written (--dry-run)\n"),
    }
    text
}
