//! What one walk through the body of a chat request finds.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::Scan;
use crate::object::MAX_RAW_FIELDS;

/// The fields of a request, and how much of what has a bound there is. Of a field that is given twice
/// the last one counts.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    /// Names of the fields, in order, and where in the body their values stand.
    pub(super) fields: Vec<(String, Range<usize>)>,
    /// None where they are missing.
    pub(super) n_messages: Option<usize>,
    /// The names of what is in `tools`, and of what is in `functions`. What has no name is for the
    /// model server, or the translation, to refuse.
    pub(super) tools: Vec<Name<'a>>,
    pub(super) functions: Vec<Name<'a>>,
    /// How many texts are in the list `stop`, if it is one.
    pub(super) n_stops: usize,
}

impl<'a> Outline<'a> {
    /// The outline of `body`; none where it is no JSON, has too many fields, or messages that are
    /// none.
    pub(super) fn of(body: &'a str) -> Option<Self> {
        let mut outline = Self::default();
        let mut scan = Scan::new(body);
        scan.members(|scan, name| outline.add(scan, &decoded(name)?))?;
        scan.is_at_end().then_some(outline)
    }

    fn add(&mut self, scan: &mut Scan<'a>, name: &str) -> Option<()> {
        if self.fields.len() >= MAX_RAW_FIELDS {
            return None;
        }
        let first = scan.peek()?;
        let start = scan.position();
        match (name, first) {
            ("messages", b'[') => {
                let mut n_messages = 0;
                scan.items(|scan| {
                    n_messages += 1;
                    message(scan)
                })?;
                self.n_messages = Some(n_messages);
            }
            ("messages", _) => {
                scan.value()?;
                self.n_messages = None;
            }
            ("tools", b'[') => self.tools = names(scan, tool)?,
            ("functions", b'[') => self.functions = names(scan, named)?,
            ("stop", b'[') => {
                self.n_stops = 0;
                scan.items(|scan| {
                    self.n_stops += 1;
                    scan.value().map(drop)
                })?;
            }
            _ => scan.value().map(drop)?,
        }
        self.fields.push((name.to_owned(), start..scan.position()));
        Some(())
    }
}

/// Walks over a message; none where it has no role.
fn message(scan: &mut Scan<'_>) -> Option<()> {
    let mut has_role = false;
    scan.members(|scan, name| {
        if decoded(name)? == "role" {
            has_role = true;
            return scan.string().map(drop);
        }
        scan.value().map(drop)
    })?;
    has_role.then_some(())
}

/// The name of something on offer, if it has one.
type Name<'a> = Option<Cow<'a, str>>;

/// The names that `each` finds in the items of a list.
fn names<'a>(
    scan: &mut Scan<'a>,
    each: impl Fn(&mut Scan<'a>, &mut Name<'a>) -> Option<()>,
) -> Option<Vec<Name<'a>>> {
    let mut names = Vec::new();
    scan.items(|scan| {
        let mut name = None;
        each(scan, &mut name)?;
        names.push(name);
        Some(())
    })?;
    Some(names)
}

/// Walks over an item of `tools`.
fn tool<'a>(scan: &mut Scan<'a>, name: &mut Name<'a>) -> Option<()> {
    if scan.peek()? != b'{' {
        return scan.value().map(drop);
    }
    scan.members(|scan, key| match &*decoded(key)? {
        "function" | "custom" => {
            *name = None;
            named(scan, name)
        }
        _ => scan.value().map(drop),
    })
}

/// Walks over what may be an object with a name.
fn named<'a>(scan: &mut Scan<'a>, name: &mut Name<'a>) -> Option<()> {
    if scan.peek()? != b'{' {
        return scan.value().map(drop);
    }
    scan.members(|scan, key| {
        if decoded(key)? != "name" {
            return scan.value().map(drop);
        }
        if scan.peek()? == b'"' {
            *name = Some(decoded(scan.string()?)?);
            return Some(());
        }
        *name = None;
        scan.value().map(drop)
    })
}

/// The text of a JSON string.
fn decoded(literal: &str) -> Option<Cow<'_, str>> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str(literal).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_belong_and_nowhere_else() {
        let cases = [
            (
                r#"{"type":"function","function":{"name":"a"}}"#,
                None,
                Some("a"),
            ),
            (r#"{"custom":{"name":"a\n"}}"#, None, Some("a\n")),
            (
                r#"{"n\u0061me":"a","parameters":{"name":"b"}}"#,
                Some("a"),
                None,
            ),
            (r#"{"name":"a","name":1}"#, None, None),
            (r#"{"name":1,"function":[{"name":"a"}]}"#, None, None),
            (r#"{"name":{"a":{}},"function":null}"#, None, None),
            ("[1,2]", None, None),
            ("null", None, None),
            ("-1.5", None, None),
            ("true", None, None),
            (r#""name""#, None, None),
        ];
        for (json, name, inner) in cases {
            let body = format!(r#"{{"tools":[{json}, 1],"functions":[{json}]}}"#);
            let outline = Outline::of(&body).unwrap();
            assert_eq!(outline.tools[0].as_deref(), inner, "{json}");
            assert_eq!(outline.functions[0].as_deref(), name, "{json}");
            assert_eq!(outline.tools.len(), 2);
        }
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let body =
            r#"{"messages":[{"role":"a"}],"stop":["a"],"messages":null,"stop":["b","c"],"x": 1 }"#;
        let outline = Outline::of(body).unwrap();
        assert_eq!((outline.n_messages, outline.n_stops), (None, 2));
        let (name, span) = outline.fields.last().unwrap();
        assert_eq!((name.as_str(), body.get(span.clone())), ("x", Some("1")));
    }

    #[test]
    fn messages_without_a_role_are_none() {
        for messages in ["[{}]", r#"[{"role":1}]"#, "[[]]", r#"["user"]"#] {
            assert!(
                Outline::of(&format!(r#"{{"messages":{messages}}}"#)).is_none(),
                "{messages}"
            );
        }
    }
}
