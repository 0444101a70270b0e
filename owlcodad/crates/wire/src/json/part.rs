//! A part of a request that has not been read yet.

use std::borrow::Cow;

use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::raw::RawJson;
use super::scan::Scan;
use super::text::JsonText;

/// A JSON value of a document that was walked over.
#[derive(Clone, Copy, Debug)]
pub struct JsonPart<'a> {
    document: &'a ByteString,
    json: &'a str,
}

impl<'a> JsonPart<'a> {
    /// `json` is a value in `document`.
    pub(crate) const fn new(document: &'a ByteString, json: &'a str) -> Self {
        Self { document, json }
    }

    /// The value, byte for byte.
    pub const fn get(self) -> &'a str {
        self.json
    }

    /// The value, if it is a `T`.
    pub fn read<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.json).ok()
    }

    /// The value as serde keeps it.
    pub(crate) fn to_raw(self) -> Box<RawValue> {
        // Is JSON, since it was walked over.
        self.read::<&RawValue>()
            .unwrap_or(RawValue::NULL)
            .to_owned()
    }

    /// The value, to be kept.
    pub(crate) fn kept(self) -> RawJson {
        RawJson::written(self.document.slice_ref(self.json))
    }

    /// The text of a string, to be kept. None of anything else, and where it has half a character.
    pub(crate) fn text(self) -> Option<JsonText> {
        Scan::part(self.document, self.json).text()
    }

    /// The values of a list; none of anything else.
    pub(crate) fn items(self) -> Option<Vec<Self>> {
        let mut items = Vec::new();
        let mut scan = Scan::new(self.json);
        scan.items(|scan| {
            let span = scan.value()?;
            items.push(Self::new(self.document, self.json.get(span)?));
            Some(())
        })?;
        Some(items)
    }

    /// Calls `each` with the name and the value of every field of an object, in order, until it answers
    /// none. None where it does, or where this is no object.
    pub(crate) fn fields(
        self,
        mut each: impl FnMut(Cow<'a, str>, Self) -> Option<()>,
    ) -> Option<()> {
        let mut scan = Scan::new(self.json);
        scan.members(|scan, name| {
            let name = Scan::new(name).decoded()?;
            let span = scan.value()?;
            each(name, Self::new(self.document, self.json.get(span)?))
        })
    }
}
