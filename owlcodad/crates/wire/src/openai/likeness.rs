//! Chunks that are like one before them but for their text.
//!
//! A model server sends each token in a chunk of its own, and all of these are the same bytes around
//! another text. So a chunk that was read whole is remembered, and one that differs from it in
//! nothing but that one string need not be read again. JSON stays the same document when one string
//! in it takes the place of another, so this is no guess.

use serde_json::value::RawValue;

use super::chunk::{Chunk, Delta};
use crate::json;

/// Longer chunks are read whole each time.
const MAX_AROUND_BYTES: usize = 4 << 10;

/// What the one string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// Text of the answer.
    Content,
    /// What the model thinks.
    Thinking,
    /// The arguments of a tool call.
    Arguments,
}

/// The bytes before and after a string.
#[derive(Debug, Default)]
pub(crate) struct Around {
    bytes: Vec<u8>,
    n_before: usize,
}

impl Around {
    pub(crate) fn set(&mut self, before: &[u8], after: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(before);
        self.bytes.extend_from_slice(after);
        self.n_before = before.len();
    }

    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes
            .split_at_checked(self.n_before)
            .unwrap_or_default()
    }
}

/// The last chunk that others may be like.
#[derive(Debug, Default)]
pub(crate) struct Likeness {
    around: Around,
    kind: Option<TextKind>,
}

impl Likeness {
    /// The string in which `data` differs from the chunk that was learnt, with its quotes and as it
    /// came. None where it differs elsewhere, where it is empty, or where nothing was learnt.
    pub(crate) fn text<'a>(&self, data: &'a [u8]) -> Option<(TextKind, &'a str)> {
        let kind = self.kind?;
        let (before, after) = self.around.parts();
        let literal = data.strip_prefix(before)?.strip_suffix(after)?;
        // Without text there may be another one to be looked for.
        if literal == b"\"\"" || json::string_len(literal) != Some(literal.len()) {
            return None;
        }
        Some((kind, std::str::from_utf8(literal).ok()?))
    }

    /// Learns from `data`, in which `text` stands for what will differ. Answers what is before and
    /// after it.
    pub(crate) fn learn<'a>(
        &mut self,
        data: &'a [u8],
        (kind, text): (TextKind, &RawValue),
    ) -> Option<(&'a [u8], &'a [u8])> {
        self.kind = None;
        let (before, after) = json::around(data, text)?;
        if before.len() + after.len() > MAX_AROUND_BYTES {
            return None;
        }
        self.around.set(before, after);
        self.kind = Some(kind);
        Some((before, after))
    }
}

impl<'a> Chunk<'a> {
    /// The string that will differ in the next chunk, if all that matters is who relays it: one that
    /// ends nothing and counts nothing.
    pub(crate) fn relayed_text(&self) -> Option<(TextKind, &'a RawValue)> {
        let choices = self.choices.as_deref()?;
        let is_plain = self.usage.is_none()
            && choices
                .iter()
                .all(|choice| choice.usage.is_none() && choice.finish_reason().is_none());
        if !is_plain {
            return None;
        }
        let delta = self.first_choice()?.delta()?;
        let call = delta.tool_calls.as_deref().and_then(<[_]>::first);
        let arguments = call.and_then(|call| call.function.as_ref()?.arguments);
        let strings = [
            (TextKind::Content, delta.content),
            (TextKind::Thinking, delta.reasoning_content),
            (TextKind::Thinking, delta.reasoning),
            (TextKind::Arguments, arguments),
        ];
        let full = |raw: &&RawValue| is_string(raw) && !is_blank(raw);
        strings
            .into_iter()
            .find_map(|(kind, raw)| Some((kind, raw.filter(full)?)))
    }

    /// The same for who translates it: beside this string there is nothing to translate.
    pub(crate) fn translated_text(&self) -> Option<(TextKind, &'a RawValue)> {
        let choice = self.first_choice()?;
        let delta = choice.delta.as_ref()?;
        let is_plain = choice.message.is_none()
            && choice.stop_reason.is_none()
            && delta.tool_calls.as_deref().is_none_or(<[_]>::is_empty)
            && delta.function_call.is_none()
            && delta.refusal.is_none()
            && delta.reasoning_details.is_none();
        let text = self.relayed_text().filter(|_| is_plain)?;
        let is_alone = match text.0 {
            TextKind::Content => delta.has_no_thinking(),
            TextKind::Thinking => delta.content.is_none_or(is_blank),
            TextKind::Arguments => false,
        };
        is_alone.then_some(text)
    }
}

impl Delta<'_> {
    fn has_no_thinking(&self) -> bool {
        self.reasoning_content.is_none_or(is_blank) && self.reasoning.is_none_or(is_blank)
    }
}

fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

fn is_blank(raw: &RawValue) -> bool {
    raw.get() == "\"\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Learns from one chunk and looks at another.
    fn differs(first: &str, second: &[u8]) -> Option<(TextKind, String)> {
        let mut likeness = Likeness::default();
        let chunk: Chunk<'_> = json::read(first.as_bytes()).unwrap();
        likeness.learn(first.as_bytes(), chunk.translated_text()?);
        let (kind, text) = likeness.text(second)?;
        Some((kind, text.to_owned()))
    }

    fn content(text: &str) -> String {
        format!(r#"{{"id":"a","choices":[{{"index":0,"delta":{{"content":{text}}}}}],"n":1}}"#)
    }

    #[test]
    fn a_chunk_with_another_text_is_like_the_one_before() {
        for text in [r#""b""#, r#""\n\"é\u00e9\\""#, r#""\ud83e""#] {
            let found = differs(&content(r#""a""#), content(text).as_bytes());
            assert_eq!(found, Some((TextKind::Content, text.to_owned())));
        }
        let thinking = |text: &str| {
            format!(r#"{{"choices":[{{"delta":{{"content":"","reasoning":"{text}"}}}}]}}"#)
        };
        let found = differs(&thinking("a"), thinking("b").as_bytes());
        assert_eq!(found, Some((TextKind::Thinking, "\"b\"".to_owned())));
    }

    #[test]
    fn a_chunk_that_differs_elsewhere_or_is_no_json_is_not_like_it() {
        let first = content(r#""a""#);
        let others = [
            content("null"),
            content("\"\""),
            content("[]"),
            content(r#""b","refusal":"c""#),
            content(r#""b"#),
            content(r#""b\""#),
            content(r#""\x""#),
            content(r#""\u12g4""#),
            content("\"\n\""),
            first.replace(":1", ":2"),
            format!("{first} "),
            String::new(),
            "\"\"".to_owned(),
        ];
        for other in others {
            assert_eq!(differs(&first, other.as_bytes()), None, "{other}");
        }
        let broken = content("\"?\"").replace('?', "\u{1}");
        assert_eq!(differs(&first, broken.as_bytes()), None);
        let no_utf8: Vec<u8> = content("\"?\"")
            .bytes()
            .map(|byte| if byte == b'?' { 0xff } else { byte })
            .collect();
        assert_eq!(differs(&first, &no_utf8), None);
    }

    #[test]
    fn nothing_is_learnt_of_a_chunk_that_does_more_than_say_something() {
        let chunks = [
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a"},"usage":{"prompt_tokens":1}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","refusal":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","tool_calls":[{"index":0}]}}]}"#,
            r#"{"choices":[{"delta":{"content":[{"text":"a"}]}}]}"#,
            r#"{"choices":[{"delta":{"content":""}}]}"#,
            r#"{"choices":[{"message":{"content":"a"}}]}"#,
            r#"{"choices":[]}"#,
            r#"{"error":"a"}"#,
        ];
        for chunk in chunks {
            let read: Chunk<'_> = json::read(chunk.as_bytes()).unwrap();
            assert!(read.translated_text().is_none(), "{chunk}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_a_string_is_one(text in r#"["\\a-c\n\u{1}unbé0-9]{0,12}"#) {
            let literal = format!("\"{text}\"");
            let is_string = json::string_len(literal.as_bytes()) == Some(literal.len());
            let is_read = serde_json::from_str::<&RawValue>(&literal).is_ok();
            prop_assert_eq!(is_string, is_read, "{}", literal);
        }
    }
}
