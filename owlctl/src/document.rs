//! The JSON that scripts read: one object per run, with its version and kind first.
//!
//! Fields are only ever added. Times are RFC 3339 in UTC, durations seconds, an unknown value `null`.

use std::fmt::Write as _;

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
    escaped(&serde_json::to_string_pretty(&document).unwrap_or_default())
}

/// `body` as one line of many, ended by a newline.
pub(crate) fn line<T: Serialize>(body: &T) -> String {
    escaped(&serde_json::to_string(body).unwrap_or_default())
}

fn escaped(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if matches!(c, '\u{7f}'..='\u{9f}') {
            // A write to a string does not fail.
            write!(text, "\\u{:04x}", u32::from(c)).ok();
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Note {
        text: &'static str,
    }

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let text = line(&Note { text: "a\n\u{9b}b" });
        assert_eq!(text, "{\"text\":\"a\\n\\u009bb\"}\n");
    }

    #[test]
    fn no_control_character_leaves_as_itself_and_every_value_survives() {
        let text = "a\u{1b}[31m\u{9b}2J\u{7f}é\n";
        let document = json("Note", &Note { text });
        assert!(
            document.chars().all(|c| c == '\n' || !c.is_control()),
            "{document}"
        );
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(parsed["text"], text);
        assert_eq!(parsed["apiVersion"], "owlcoda/v1");
        assert_eq!(parsed["kind"], "Note");
    }
}
