//! The JSON that scripts read: one object per run, with its version and kind first.
//!
//! Fields are only ever added. Names are in `snake_case`, an unknown value is `null`.

use std::fmt::Write as _;
use std::path::Path;

use owlcoda_supervise::ConfigProblem;
use serde::Serialize;

/// Version of every document's fields.
const API_VERSION: &str = "owlcoda/v1";

#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// The document of `kind` with the fields of `body`, ended by a newline.
///
/// JSON leaves DEL and the C1 controls as they are; they are escaped too, because a terminal may
/// obey them.
pub(crate) fn json<T: Serialize>(kind: &'static str, body: &T) -> String {
    let document = Document {
        api_version: API_VERSION,
        kind,
        body,
    };
    // Only a map with keys that are no strings could fail, and there is none.
    let plain = serde_json::to_string_pretty(&document).unwrap_or_default();
    let mut text = String::with_capacity(plain.len() + 1);
    for letter in plain.chars() {
        if matches!(letter, '\u{7f}'..='\u{9f}') {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
        } else {
            text.push(letter);
        }
    }
    text.push('\n');
    text
}

/// One thing that is wrong with a configuration, as `owlctl reload` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemRow {
    severity: &'static str,
    code: String,
    /// Null where an environment variable is at fault.
    file: Option<String>,
    line: Option<u32>,
    /// In bytes from 1.
    column: Option<u32>,
    path: String,
    message: String,
}

impl From<&ConfigProblem> for ProblemRow {
    fn from(problem: &ConfigProblem) -> Self {
        Self {
            severity: if problem.is_warning {
                "warning"
            } else {
                "error"
            },
            code: problem.code.clone(),
            file: Some(problem.file.clone()).filter(|file| !file.is_empty()),
            line: problem.line,
            column: problem.column,
            path: problem.path.clone(),
            message: problem.message.clone(),
        }
    }
}

/// A path for a document or a text.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Note {
        text: &'static str,
    }

    #[test]
    fn no_control_character_leaves_as_itself_and_every_value_survives() {
        let text = "a\u{1b}[31m\u{9b}2J\u{7f}é\n";
        let document = json("Note", &Note { text });
        assert!(
            document
                .chars()
                .all(|letter| letter == '\n' || !letter.is_control()),
            "{document}"
        );
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(parsed["text"], text);
        assert_eq!(parsed["apiVersion"], "owlcoda/v1");
        assert_eq!(parsed["kind"], "Note");
    }
}
