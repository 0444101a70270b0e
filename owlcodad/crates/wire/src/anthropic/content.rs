//! The content of a message, a tool result or a system prompt: text, or blocks.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::block::Block;
use crate::json::{FromScan, JsonText, Scan};
use crate::object::RawFields;

/// A string, or a list of blocks.
#[derive(Clone, Debug)]
pub enum Content {
    /// Plain text.
    Text(JsonText),
    /// Blocks, in order.
    Blocks(Vec<Block>),
    /// An object, which the results of some server tools are.
    Object(RawFields),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of content blocks")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut blocks = Vec::new();
        while let Some(block) = seq.next_element()? {
            blocks.push(block);
        }
        Ok(Content::Blocks(blocks))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = RawFields::default();
        fields.read(&mut map)?;
        Ok(Content::Object(fields))
    }
}

impl FromScan for Content {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        match scan.peek()? {
            b'"' => scan.text().map(Self::Text),
            b'[' => FromScan::from_scan(scan).map(Self::Blocks),
            // The walk ends where it is no object either.
            _ => FromScan::from_scan(scan).map(Self::Object),
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Blocks(blocks) => blocks.serialize(serializer),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<JsonText> for Content {
    fn from(text: JsonText) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Block>> for Content {
    fn from(blocks: Vec<Block>) -> Self {
        Self::Blocks(blocks)
    }
}
