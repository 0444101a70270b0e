//! Parameters of a route's query: one declaration that requests are held against and that the
//! description of the API is read off.

use axum::extract::Query;
use axum::response::Response;
use http::{HeaderMap, Uri};
use owlcoda_types::{ErrorCode, RequestId, SessionId, clip, printable};

use crate::admit::dialect_of;
use crate::reply;

/// One parameter. None is required.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As callers write it.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// For people, one sentence.
    pub summary: &'static str,
}

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any text of at most so many characters.
    Text(usize),
    /// The id of a conversation.
    Session,
}

/// What a request gives, checked.
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<(&'static str, String)>);

impl Given {
    /// Reads the query of a request; the error is the answer to it, in its dialect.
    pub(crate) fn of(
        uri: &Uri,
        headers: &HeaderMap,
        id: RequestId,
        parameters: &'static [Parameter],
    ) -> Result<Self, Box<Response>> {
        Self::parse(uri, parameters).map_err(|message| {
            let dialect = dialect_of(uri.path(), headers);
            let code = ErrorCode::InvalidRequest;
            Box::new(reply::error(dialect, code, &message, id))
        })
    }

    /// Reads the query of `uri`. The error is for whoever asked.
    fn parse(uri: &Uri, parameters: &'static [Parameter]) -> Result<Self, String> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = query.map_err(|_| "the query cannot be read".to_owned())?;
        let mut given = Self::default();
        for (name, value) in pairs {
            let Some(parameter) = parameters.iter().find(|known| known.name == name) else {
                return Err(unknown(&name, parameters));
            };
            if given.text(parameter.name).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
            parameter.check(&value)?;
            given.0.push((parameter.name, value));
        }
        Ok(given)
    }

    /// A value as it came.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(given, _)| *given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a [`Kind::Whole`].
    pub(crate) fn whole(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

impl Parameter {
    fn check(&self, value: &str) -> Result<(), String> {
        let name = self.name;
        let shown = || clip(&printable(value), 60).into_owned();
        match self.kind {
            Kind::Whole(least, most) => match value.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!(
                    "`{name}` must be a whole number from {least} to {most}, not `{}`",
                    shown()
                )),
            },
            Kind::OneOf(words) if words.contains(&value) => Ok(()),
            Kind::OneOf(words) => Err(format!(
                "`{name}` must be one of {}, not `{}`",
                words.join(", "),
                shown()
            )),
            Kind::Session => match value.parse::<SessionId>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!(
                    "`{name}` must be the id of a conversation, `ses_` and 32 hexadecimal digits"
                )),
            },
            Kind::Text(max_chars) if value.chars().count() <= max_chars => Ok(()),
            Kind::Text(max_chars) => {
                Err(format!("`{name}` may have at most {max_chars} characters"))
            }
        }
    }
}

fn unknown(name: &str, parameters: &[Parameter]) -> String {
    let name = clip(&printable(name), 60).into_owned();
    let known: Vec<_> = parameters.iter().map(|known| known.name).collect();
    if known.is_empty() {
        return format!("there is no parameter `{name}` here, nor any other");
    }
    format!(
        "there is no parameter `{name}` here; there is {}",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &[Parameter] = &[
        Parameter {
            name: "limit",
            kind: Kind::Whole(1, 100),
            summary: "How many.",
        },
        Parameter {
            name: "intent",
            kind: Kind::OneOf(&["code", "chat"]),
            summary: "What for.",
        },
        Parameter {
            name: "model",
            kind: Kind::Text(5),
            summary: "Which.",
        },
        Parameter {
            name: "session",
            kind: Kind::Session,
            summary: "Whose.",
        },
    ];

    fn parse(query: &str) -> Result<Given, String> {
        let uri = format!("/v1/x?{query}").parse().unwrap();
        Given::parse(&uri, PARAMETERS)
    }

    #[test]
    fn what_is_given_is_read_and_the_rest_is_not_there() {
        let given = parse("limit=7&model=a%2Fb+c").unwrap();
        assert_eq!(given.whole("limit"), Some(7));
        assert_eq!(given.text("model"), Some("a/b c"));
        assert_eq!(given.text("intent"), None);
        let nothing = Given::parse(&"/v1/x".parse().unwrap(), PARAMETERS).unwrap();
        assert_eq!(nothing.whole("limit"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        let cases = [
            (
                "limit=0",
                "`limit` must be a whole number from 1 to 100, not `0`",
            ),
            (
                "limit=",
                "`limit` must be a whole number from 1 to 100, not ``",
            ),
            ("limit=1&limit=2", "`limit` is given twice"),
            (
                "intent=Code",
                "`intent` must be one of code, chat, not `Code`",
            ),
            ("model=123456", "`model` may have at most 5 characters"),
            (
                "session=ses_1",
                "`session` must be the id of a conversation, `ses_` and 32 hexadecimal digits",
            ),
            (
                "lim=1",
                "there is no parameter `lim` here; there is limit, intent, model, session",
            ),
        ];
        for (query, expected) in cases {
            assert_eq!(parse(query).unwrap_err(), expected, "{query}");
        }
    }
}
