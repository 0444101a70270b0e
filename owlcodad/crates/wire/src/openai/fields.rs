//! The fields of one JSON object inside a chat request, borrowed from its bytes.

use std::borrow::Cow;

use super::text::decode_whole;
use crate::json::JsonPart;
use crate::object::MAX_RAW_FIELDS;

/// The fields of an object, unread and in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, JsonPart<'a>)>);

impl<'a> Fields<'a> {
    /// The fields of `json`; none if it is no object, or has too many.
    pub(crate) fn read(json: JsonPart<'a>) -> Option<Self> {
        let mut fields = Vec::new();
        json.fields(|name, value| {
            fields.push((name, value));
            (fields.len() <= MAX_RAW_FIELDS).then_some(())
        })?;
        Some(Self(fields))
    }

    /// The value of the last field of that name, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<JsonPart<'a>> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// The text of a field; none if there is no such field or it is no string.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(|value| decode_whole(value.get()))
    }

    /// Every field that is not null, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, JsonPart<'a>)> {
        let fields = self.0.iter().map(|(key, value)| (&**key, *value));
        fields.filter(|(_, value)| value.get() != "null")
    }
}
