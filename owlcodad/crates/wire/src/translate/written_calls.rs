//! Tool calls that a model writes into its text, where its server does not parse them.
//!
//! Three forms are known: `<tool_call>{…}</tool_call>` (Hermes, Qwen),
//! `[TOOL_CALLS][{…}]` (Mistral) and `<|python_tag|>{…}` (Llama). One counts only
//! if it names a tool that was offered, has an object for arguments, and stands
//! outside a code fence; anything else stays text, byte for byte. Whoever turns
//! this on trusts the model not to quote such a text from a file.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::Scan;
use super::names::ToolNames;
use crate::object::Str;

/// Whether tool calls are looked for in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrittenCalls {
    /// No: text is text.
    #[default]
    Ignore,
    /// Yes: for a server that is known not to parse them itself.
    Parse,
}

/// A part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Call { name: String, arguments: String },
}

/// How a written call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Tag(&'static str),
    /// With the JSON value.
    Value,
}

const FORMS: [(&str, End); 3] = [
    ("<tool_call>", End::Tag("</tool_call>")),
    ("[TOOL_CALLS]", End::Value),
    ("<|python_tag|>", End::Value),
];

/// Longest call that is waited for. Unit: bytes.
const MAX_CALL_BYTES: usize = 256 << 10;

/// Looks through the text of one answer.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// Outside a call what may be the start of one, inside what came after it.
    held: String,
    inside: Option<Inside>,
    fence: Fence,
}

#[derive(Debug)]
struct Inside {
    open: &'static str,
    end: End,
    scan: Scan,
    /// So much of what is held was looked at.
    n_seen: usize,
}

/// Whether the text is between two code fences.
#[derive(Debug, Default)]
struct Fence {
    n_ticks: u8,
    is_open: bool,
}

impl Finder {
    /// Takes the next piece of text.
    pub(super) fn push(&mut self, piece: &str, names: &ToolNames, out: &mut Vec<Part>) {
        let mut held = std::mem::take(&mut self.held);
        held.push_str(piece);
        let mut rest = held.as_str();
        loop {
            let step = match &mut self.inside {
                None => self.outside(rest, out),
                Some(inside) => {
                    let step = inside.read(rest, names, out);
                    if matches!(step, Step::Again(_)) {
                        self.inside = None;
                    }
                    step
                }
            };
            let (Step::Again(n_used) | Step::Wait(n_used)) = step;
            rest = rest.get(n_used..).unwrap_or_default();
            if matches!(step, Step::Wait(_)) {
                break;
            }
        }
        let n_used = held.len() - rest.len();
        held.drain(..n_used);
        self.held = held;
    }

    /// Gives out what is held back: nothing more comes. A call whose closing tag
    /// the server took for a stop text still counts.
    pub(super) fn flush(&mut self, names: &ToolNames, out: &mut Vec<Part>) {
        let held = std::mem::take(&mut self.held);
        match self.inside.take() {
            None => {
                self.fence.feed(&held);
                push_text(&held, out);
            }
            Some(inside) => push_calls(inside.open, &held, "", names, out),
        }
    }

    /// Reads up to the next start of a call.
    fn outside(&mut self, text: &str, out: &mut Vec<Part>) -> Step {
        let Some((at, open, end)) = find_start(text) else {
            let overlaps = FORMS.iter().map(|(open, _)| overlap(text, open));
            let n_free = text.len() - overlaps.max().unwrap_or_default();
            let free = text.get(..n_free).unwrap_or_default();
            self.fence.feed(free);
            push_text(free, out);
            return Step::Wait(n_free);
        };
        let before = text.get(..at).unwrap_or_default();
        self.fence.feed(before);
        push_text(before, out);
        if self.fence.is_open {
            self.fence.feed(open);
            push_text(open, out);
        } else {
            self.inside = Some(Inside {
                open,
                end,
                scan: Scan::default(),
                n_seen: 0,
            });
        }
        Step::Again(at + open.len())
    }
}

/// What was done with so many bytes.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// They are done with; look at the rest.
    Again(usize),
    /// They are done with; the rest waits for more.
    Wait(usize),
}

impl Inside {
    /// Reads up to the end of the call, once it has come.
    fn read(&mut self, text: &str, names: &ToolNames, out: &mut Vec<Part>) -> Step {
        let (n_body, close) = match self.find_end(text) {
            Some(end) => end,
            None if text.len() > MAX_CALL_BYTES => (text.len(), ""),
            None => return Step::Wait(0),
        };
        let body = text.get(..n_body).unwrap_or_default();
        push_calls(self.open, body, close, names, out);
        Step::Again(n_body + close.len())
    }

    /// How long the body is and what closes it.
    fn find_end(&mut self, text: &str) -> Option<(usize, &'static str)> {
        match self.end {
            End::Tag(close) => {
                // The tag may have begun in what was looked at before.
                let from = self.n_seen.saturating_sub(close.len());
                let from = text.floor_char_boundary(from);
                self.n_seen = text.len();
                let at = text.get(from..)?.find(close)?;
                Some((from + at, close))
            }
            End::Value => {
                let unseen = text.get(self.n_seen..)?;
                self.n_seen += self.scan.feed(unseen).len();
                self.scan.is_complete().then_some((self.n_seen, ""))
            }
        }
    }
}

/// Where the first call begins, and in which form.
fn find_start(text: &str) -> Option<(usize, &'static str, End)> {
    memchr::memchr2_iter(b'<', b'[', text.as_bytes()).find_map(|at| {
        let here = text.get(at..)?;
        let mut forms = FORMS.iter();
        let (open, end) = forms.find(|(open, _)| here.starts_with(open))?;
        Some((at, *open, *end))
    })
}

impl Fence {
    fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            self.n_ticks = if byte == b'`' { self.n_ticks + 1 } else { 0 };
            if self.n_ticks == 3 {
                self.is_open = !self.is_open;
                self.n_ticks = 0;
            }
        }
    }
}

/// How many bytes at the end of `text` may be the start of `open`.
fn overlap(text: &str, open: &str) -> usize {
    (1..open.len())
        .rev()
        .find(|n| open.get(..*n).is_some_and(|start| text.ends_with(start)))
        .unwrap_or_default()
}

fn push_text(text: &str, out: &mut Vec<Part>) {
    match out.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(text),
        _ => out.push(Part::Text(text.to_owned())),
    }
}

/// The calls of a body, or all of it as the text it was.
fn push_calls(open: &str, body: &str, close: &str, names: &ToolNames, out: &mut Vec<Part>) {
    match read_calls(body, names) {
        Some(calls) => out.extend(calls),
        None => push_text(&[open, body, close].concat(), out),
    }
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow, default, alias = "parameters")]
    arguments: Option<&'a RawValue>,
}

fn read_calls(body: &str, names: &ToolNames) -> Option<Vec<Part>> {
    let body = body.trim();
    let written: Vec<Written<'_>> = if body.starts_with('[') {
        serde_json::from_str(body).ok()?
    } else {
        vec![serde_json::from_str(body).ok()?]
    };
    if written.is_empty() {
        return None;
    }
    written
        .into_iter()
        .map(|call| {
            let arguments = match call.arguments {
                None => "{}".to_owned(),
                Some(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
                Some(_) => return None,
            };
            let name = call.name.0.into_owned();
            names
                .is_offered(&name)
                .then_some(Part::Call { name, arguments })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offered() -> ToolNames {
        let mut names = ToolNames::default();
        names.offer("read");
        names
    }

    fn parts<'a>(pieces: impl Iterator<Item = &'a str>) -> Vec<Part> {
        let names = offered();
        let mut finder = Finder::default();
        let mut out = Vec::new();
        for piece in pieces {
            finder.push(piece, &names, &mut out);
        }
        finder.flush(&names, &mut out);
        out
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn call(arguments: &str) -> Part {
        Part::Call {
            name: "read".to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[test]
    fn every_known_form_is_a_call_and_nothing_else_is() {
        let cases = [
            (
                "I look.\n<tool_call>\n{\"name\": \"read\", \"arguments\": {\"a\": 1.0}}\n</tool_call> ok",
                vec![text("I look.\n"), call("{\"a\": 1.0}"), text(" ok")],
            ),
            (
                "[TOOL_CALLS] [{\"name\":\"read\",\"arguments\":{}},{\"name\":\"read\"}]",
                vec![call("{}"), call("{}")],
            ),
            (
                "<|python_tag|>{\"name\":\"read\",\"parameters\":{\"b\":\"}\"}}",
                vec![call("{\"b\":\"}\"}")],
            ),
            (
                "<tool_call>{\"name\":\"read\",\"arguments\":{}}",
                vec![call("{}")],
            ),
        ];
        for (answer, expected) in cases {
            assert_eq!(parts([answer].into_iter()), expected, "{answer}");
        }
        let texts = [
            "<tool_call>{\"name\":\"other\",\"arguments\":{}}</tool_call>",
            "<tool_call>{\"name\":\"read\",\"arguments\":[]}</tool_call>",
            "<tool_call>not json</tool_call>",
            "```\n<tool_call>{\"name\":\"read\",\"arguments\":{}}</tool_call>\n```",
            "a <tool_cal",
            "[TOOL_CALLS] none",
        ];
        for answer in texts {
            assert_eq!(parts([answer].into_iter()), [text(answer)], "{answer}");
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_answer_gives_the_same_calls(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<tool", "[",
                    "{\"name\":\"read\",\"arguments\":{\"a\":\"]\"}}", "{\"name\":\"x\"}", "]",
                    "``", "`", " ", "é",
                ]),
                0..12,
            ),
        ) {
            let whole = pieces.concat();
            let singles: Vec<String> = whole.chars().map(String::from).collect();
            let expected = parts([whole.as_str()].into_iter());
            prop_assert_eq!(&parts(pieces.into_iter()), &expected);
            prop_assert_eq!(&parts(singles.iter().map(String::as_str)), &expected);
        }
    }
}
