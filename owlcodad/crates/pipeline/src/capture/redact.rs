//! Takes out of a text what is secret: values that the configuration keeps so, headers that carry
//! credentials, and words that look like keys.
//!
//! A value is looked for as it is, as JSON writes it and as an address does. One that a server spreads
//! over several events is not found: no single event holds it.

use std::fmt::Write as _;

use owlcoda_types::Secret;

/// In place of what nobody is shown.
const MASK: &str = "***";

/// Shorter values are no secrets: masking `on` would mask half of a text.
const MIN_SECRET_BYTES: usize = 6;

/// What keys of well-known services begin with.
const KEY_PREFIXES: [&str; 16] = [
    "sk-",
    "sk_",
    "pk-",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "eyJ",
    "nvapi-",
];

/// Fewest characters of a word that is taken for a key, its beginning included.
const MIN_KEY_CHARS: usize = 16;

/// Words that tell, in a header's name, that its value is not to be shown.
const SECRET_WORDS: [&str; 12] = [
    "authorization",
    "auth",
    "cookie",
    "key",
    "apikey",
    "token",
    "secret",
    "password",
    "credential",
    "credentials",
    "session",
    "signature",
];

/// Knows what must not be shown.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// The longest first, so that none is masked by a part of itself.
    values: Vec<Secret>,
    longest: usize,
}

impl Redactor {
    /// One that hides these values, in every form.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut values: Vec<String> = Vec::new();
        for secret in secrets {
            for form in forms(secret.expose()) {
                if form.len() >= MIN_SECRET_BYTES && !values.contains(&form) {
                    values.push(form);
                }
            }
        }
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self {
            longest: values.first().map_or(0, String::len),
            values: values.into_iter().map(Secret::new).collect(),
        }
    }

    /// The longest value that it looks for, in bytes. A part of a body that is to be shown has to be
    /// looked at so far past its end.
    pub(crate) const fn longest(&self) -> usize {
        self.longest
    }

    /// `text` without what is secret.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = without_keys(text);
        for value in &self.values {
            if text.contains(value.expose()) {
                text = text.replace(value.expose(), MASK);
            }
        }
        text
    }

    /// The value of the header `name`.
    pub(crate) fn header(&self, name: &str, value: &str) -> String {
        if is_secret_name(name) {
            return MASK.to_owned();
        }
        self.text(value)
    }
}

/// Whether a header of this name, in lower case, carries what is secret.
fn is_secret_name(name: &str) -> bool {
    name.split(['-', '_'])
        .any(|word| SECRET_WORDS.contains(&word))
}

/// The ways in which a value may stand in a text.
fn forms(value: &str) -> [String; 3] {
    let quoted = serde_json::to_string(value).unwrap_or_default();
    let json = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut address = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    [
        value.to_owned(),
        json.unwrap_or_default().to_owned(),
        address,
    ]
}

/// `text` without words that look like keys.
fn without_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_of_key) {
        let (before, word) = rest.split_at(begin);
        out.push_str(before);
        let end = word.find(|letter| !is_of_key(letter));
        let (word, after) = word.split_at(end.unwrap_or(word.len()));
        let places = KEY_PREFIXES.iter();
        let places = places.flat_map(|prefix| word.match_indices(prefix).map(|(at, _)| at));
        let key = places
            .filter(|at| word.len() - at >= MIN_KEY_CHARS && !is_letter_before(word, *at))
            .min();
        match key {
            Some(at) => {
                out.push_str(word.get(..at).unwrap_or_default());
                out.push_str(MASK);
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What keys are made of.
const fn is_of_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+' | '/' | '=')
}

/// Whether the place in `word` is within another word, as the `sk-` of `task-force` is.
fn is_letter_before(word: &str, at: usize) -> bool {
    let before = word.get(..at).and_then(|before| before.chars().next_back());
    before.is_some_and(|letter| letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_value_is_hidden_in_every_form() {
        let secret = Secret::new("pa\"ss/w rd+1");
        let short = Secret::new("on");
        let redactor = Redactor::of([&secret, &short]);
        for (text, expected) in [
            ("key=pa\"ss/w rd+1;", "key=***;"),
            (r#"{"key":"pa\"ss/w rd+1"}"#, r#"{"key":"***"}"#),
            ("?key=pa%22ss%2Fw%20rd%2B1&on=1", "?key=***&on=1"),
            ("nothing of it", "nothing of it"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
        assert!(redactor.longest() >= "pa%22ss%2Fw%20rd%2B1".len());
    }

    #[test]
    fn the_longer_of_two_values_is_hidden_whole() {
        let (short, long) = (Secret::new("canary"), Secret::new("canary-0123"));
        let redactor = Redactor::of([&short, &long]);
        assert_eq!(redactor.text("a canary-0123 b canary"), "a *** b ***");
    }

    #[test]
    fn what_looks_like_a_key_is_hidden_whoever_it_belongs_to() {
        let redactor = Redactor::default();
        for (text, expected) in [
            ("use sk-proj-0123456789abcdef please", "use *** please"),
            (r#"{"k":"ghp_0123456789abcdef0123"}"#, r#"{"k":"***"}"#),
            ("a?k=AIza0123456789abcdef&b", "a?k=***&b"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***"),
            ("a task-force-of-many-people", "a task-force-of-many-people"),
            ("task-x=sk-0123456789abcdef", "task-x=***"),
            ("sk-short", "sk-short"),
            ("gr\u{fc}\u{df} dich", "gr\u{fc}\u{df} dich"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }

    #[test]
    fn a_header_that_carries_credentials_is_hidden_whatever_it_holds() {
        let redactor = Redactor::default();
        for name in [
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "cookie",
            "set-cookie",
            "x-amz-security-token",
            "x-owlcoda-auth",
        ] {
            assert_eq!(redactor.header(name, "plain"), MASK, "{name}");
        }
        for name in ["content-type", "x-ratelimit-remaining-tokens", "host"] {
            assert_eq!(redactor.header(name, "plain"), "plain", "{name}");
        }
    }
}
