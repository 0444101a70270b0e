//! The text and the thinking of a chat delta, under the names that servers give them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::openai::{Delta, Halves, decode_text};

/// A part of content or of reasoning details.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<&'a RawValue>,
}

/// The same thought comes under several names from some servers: the first wins.
pub(super) fn read_thinking(delta: &Delta<'_>, halves: &mut Halves) -> Option<String> {
    let named = [delta.reasoning_content, delta.reasoning];
    let text = named
        .into_iter()
        .flatten()
        .filter(|raw| raw.get() != "\"\"")
        .find_map(|raw| decode_text(raw, halves));
    match (text, delta.reasoning_details) {
        (Some(text), _) => Some(text.into_owned()),
        (None, Some(details)) => Some(joined_text(details, halves)),
        (None, None) => None,
    }
}

/// The text of a string, or of a list of parts.
pub(super) fn joined_text(raw: &RawValue, halves: &mut Halves) -> String {
    if let Some(text) = decode_text(raw, halves) {
        return text.into_owned();
    }
    let parts: Vec<Part<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
    let texts = parts.iter().filter_map(|part| part.text.or(part.summary));
    texts
        .filter_map(|raw| decode_text(raw, halves).map(Cow::into_owned))
        .collect()
}
