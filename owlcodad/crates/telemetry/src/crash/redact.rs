//! Blots out what is secret in a text that leaves the daemon for a file.

use owlcoda_types::Secret;

/// In place of a secret.
const BLOT: &str = "***";

/// How keys of providers begin.
const PREFIXES: [&str; 7] = ["sk-", "sk_", "ghp_", "github_pat_", "xai-", "AIza", "hf_"];

/// What stands before a secret, in any case.
const MARKS: [&str; 6] = [
    "bearer ",
    "api_key=",
    "apikey=",
    "api-key: ",
    "token=",
    "password=",
];

/// Shortest secret that is looked for by its value: a shorter one would blot out half of the text.
const MIN_KNOWN_CHARS: usize = 4;

/// `text` without the known `secrets` and without what looks like one.
pub(super) fn redacted(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        if secret.expose().chars().count() >= MIN_KNOWN_CHARS {
            text = text.replace(secret.expose(), BLOT);
        }
    }
    for prefix in PREFIXES {
        text = without(&text, prefix, Keeps::Nothing);
    }
    for mark in MARKS {
        text = without(&text, mark, Keeps::Mark);
    }
    text
}

/// What stays of a place that is blotted out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Mark,
}

/// `text` without the words that follow `mark`.
fn without(text: &str, mark: &str, keeps: Keeps) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Lower case of ASCII alone, so that places in both are the same.
    while let Some(at) = rest.to_ascii_lowercase().find(&mark.to_ascii_lowercase()) {
        let (before, found) = rest.split_at(at);
        let (found_mark, after) = found.split_at(mark.len());
        let n_secret = after.find(|c: char| !is_of_key(c)).unwrap_or(after.len());
        let (secret, after) = after.split_at(n_secret);
        out.push_str(before);
        // The middle of a word, such as `task-`, begins no key.
        let is_word = !before.ends_with(|c: char| c.is_ascii_alphanumeric());
        let is_secret = !secret.is_empty() && (keeps == Keeps::Mark || is_word);
        match (is_secret, keeps) {
            (true, Keeps::Nothing) => out.push_str(BLOT),
            (true, Keeps::Mark) => {
                out.push_str(found_mark);
                out.push_str(BLOT);
            }
            (false, _) => {
                out.push_str(found_mark);
                out.push_str(secret);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

const fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_blotted_out_and_the_words_around_them_stay() {
        let known = [Secret::new("correct horse"), Secret::new("abc")];
        let cases = [
            ("key sk-abc123_DEF, next", "key ***, next"),
            (
                "Authorization: Bearer abc.def-9",
                "Authorization: Bearer ***",
            ),
            ("GET /?token=abcd&x=1", "GET /?token=***&x=1"),
            ("a correct horse runs", "a *** runs"),
            (
                "the task-list and the abc stay",
                "the task-list and the abc stay",
            ),
            ("naïve ghp_ÄÖ", "naïve ghp_ÄÖ"),
            ("bearer sk-one bearer sk-two", "bearer *** bearer ***"),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text, &known), expected, "{text}");
        }
    }
}
