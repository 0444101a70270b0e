//! Content blocks of a request, told apart by their `type` in one pass.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::content::Content;
use crate::json::{FromScan, JsonText, RawJson, Scan};
use crate::object::{RawFields, Str, object};

/// One content block.
#[derive(Clone, Debug)]
pub enum Block {
    /// `text`
    Text(Text),
    /// `image`
    Image(Image),
    /// `document`
    Document(Document),
    /// `tool_use`
    ToolUse(ToolUse),
    /// `tool_result`
    ToolResult(ToolResult),
    /// `thinking`
    Thinking(Thinking),
    /// `redacted_thinking`
    RedactedThinking(RedactedThinking),
    /// A block that only some servers understand.
    Other(OtherBlock),
}

/// A block of a type that is not translated.
#[derive(Clone, Debug)]
pub struct OtherBlock {
    /// Its `type`.
    pub kind: String,
    /// All its other fields.
    pub fields: RawFields,
}

object! {
    /// Text.
    pub struct Text {
        required {
            /// May be empty.
            text: JsonText,
        }
        defaulted {}
        optional {
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
            /// Where earlier text was taken from.
            citations: Box<RawValue>,
        }
    }
}

object! {
    /// A picture.
    pub struct Image {
        required {
            /// Where its bytes are.
            source: Source,
        }
        defaulted {}
        optional {
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
        }
    }
}

object! {
    /// A document: plain text, a PDF, or a list of blocks.
    pub struct Document {
        required {
            /// Where its contents are.
            source: Source,
        }
        defaulted {}
        optional {
            /// What the model is told that it is called.
            title: String,
            /// What the model is told about it, apart from its contents.
            context: String,
            /// Whether the answer should cite it.
            citations: Box<RawValue>,
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
        }
    }
}

object! {
    /// Where the bytes of an image or document are; which fields there are depends on `kind`.
    pub struct Source {
        required {
            /// `base64`, `url`, `file`, `text` or `content`.
            kind as "type": String,
        }
        defaulted {}
        optional {
            /// The MIME type of `data`.
            media_type: String,
            /// The bytes in base64, or the text itself.
            data: String,
            /// Where to fetch it.
            url: String,
            /// Which uploaded file it is.
            file_id: String,
            /// The contents as blocks.
            content: Content,
        }
    }
}

object! {
    /// A tool call that the model made.
    pub struct ToolUse {
        required {
            /// What a result refers to.
            id: String,
            /// Which tool.
            name: String,
            /// Its arguments, an object, byte for byte.
            input: RawJson,
        }
        defaulted {}
        optional {
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
        }
    }
}

object! {
    /// What a tool answered.
    pub struct ToolResult {
        required {
            /// Which call it answers.
            tool_use_id: String,
        }
        defaulted {}
        optional {
            /// The answer; none is an empty one.
            content: Content,
            /// Whether the tool failed.
            is_error: bool,
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
        }
    }
}

object! {
    /// What the model thought before it spoke.
    pub struct Thinking {
        required {
            /// The thought.
            thinking: String,
        }
        defaulted {}
        optional {
            /// Proof of who made it; means nothing to another server.
            signature: String,
        }
    }
}

object! {
    /// A thought in encrypted form.
    pub struct RedactedThinking {
        required {
            /// The cipher text.
            data: String,
        }
        defaulted {}
        optional {}
    }
}

impl Text {
    /// A plain text block.
    pub fn new(text: impl Into<JsonText>) -> Self {
        Self {
            text: text.into(),
            cache_control: None,
            citations: None,
            rest: RawFields::default(),
        }
    }
}

impl ToolUse {
    /// A call of the tool `name`.
    pub fn new(id: impl Into<String>, name: impl Into<String>, input: impl Into<RawJson>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            input: input.into(),
            cache_control: None,
            rest: RawFields::default(),
        }
    }
}

impl ToolResult {
    /// What the call `tool_use_id` answered.
    pub fn new(tool_use_id: impl Into<String>, content: impl Into<Content>) -> Self {
        Self {
            tool_use_id: tool_use_id.into(),
            content: Some(content.into()),
            is_error: None,
            cache_control: None,
            rest: RawFields::default(),
        }
    }

    /// The same, of a call that failed.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.is_error = Some(true);
        self
    }
}

impl Block {
    /// The block's `type`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Document(_) => "document",
            Self::ToolUse(_) => "tool_use",
            Self::ToolResult(_) => "tool_result",
            Self::Thinking(_) => "thinking",
            Self::RedactedThinking(_) => "redacted_thinking",
            Self::Other(other) => &other.kind,
        }
    }

    /// A plain text block.
    pub fn text(text: impl Into<JsonText>) -> Self {
        Self::Text(Text::new(text))
    }

    fn read<'de, A: MapAccess<'de>>(kind: &str, map: &mut A) -> Result<Self, A::Error> {
        Ok(match kind {
            "text" => Self::Text(Text::from_map(map)?),
            "image" => Self::Image(Image::from_map(map)?),
            "document" => Self::Document(Document::from_map(map)?),
            "tool_use" => Self::ToolUse(ToolUse::from_map(map)?),
            "tool_result" => Self::ToolResult(ToolResult::from_map(map)?),
            "thinking" => Self::Thinking(Thinking::from_map(map)?),
            "redacted_thinking" => Self::RedactedThinking(RedactedThinking::from_map(map)?),
            _ => {
                let mut fields = RawFields::default();
                fields.read(map)?;
                Self::Other(OtherBlock {
                    kind: kind.to_owned(),
                    fields,
                })
            }
        })
    }
}

impl FromScan for Block {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        // Most callers write the type first; one of them writes it second.
        let kind = scan.look_ahead("type")?;
        let tag = Some("type");
        Some(match kind {
            "text" => Self::Text(Text::from_scan_tagged(scan, tag)?),
            "image" => Self::Image(Image::from_scan_tagged(scan, tag)?),
            "document" => Self::Document(Document::from_scan_tagged(scan, tag)?),
            "tool_use" => Self::ToolUse(ToolUse::from_scan_tagged(scan, tag)?),
            "tool_result" => Self::ToolResult(ToolResult::from_scan_tagged(scan, tag)?),
            "thinking" => Self::Thinking(Thinking::from_scan_tagged(scan, tag)?),
            "redacted_thinking" => {
                Self::RedactedThinking(RedactedThinking::from_scan_tagged(scan, tag)?)
            }
            _ => {
                let mut fields = RawFields::default();
                fields.scan_tagged(scan, tag)?;
                Self::Other(OtherBlock {
                    kind: kind.to_owned(),
                    fields,
                })
            }
        })
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BlockVisitor)
    }
}

struct BlockVisitor;

impl<'de> Visitor<'de> for BlockVisitor {
    type Value = Block;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content block")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Block, A::Error> {
        let Some(Str(key)) = map.next_key()? else {
            return Err(de::Error::missing_field("type"));
        };
        if key == "type" {
            let kind: String = map.next_value()?;
            return Block::read(&kind, &mut map);
        }
        // Rarely written so: put the fields aside until the type is known.
        let mut fields = RawFields::default();
        fields.push(key, map.next_value()?);
        fields.read(&mut map)?;
        read_put_aside(fields)
    }
}

fn read_put_aside<E: de::Error>(mut fields: RawFields) -> Result<Block, E> {
    let kind: String = match fields.get("type") {
        Some(kind) => serde_json::from_str(kind.get()).map_err(E::custom)?,
        None => return Err(E::missing_field("type")),
    };
    fields.remove("type");
    let json = serde_json::to_vec(&fields).map_err(E::custom)?;
    // Read as a stream, since nothing may be borrowed from this copy.
    let mut deserializer = serde_json::Deserializer::from_reader(json.as_slice());
    deserializer
        .deserialize_map(KnownKind(&kind))
        .map_err(E::custom)
}

/// Reads the fields of a block whose type is known.
struct KnownKind<'a>(&'a str);

impl<'de> Visitor<'de> for KnownKind<'_> {
    type Value = Block;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content block")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Block, A::Error> {
        Block::read(self.0, &mut map)
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind())?;
        match self {
            Self::Text(block) => block.serialize_fields(&mut map)?,
            Self::Image(block) => block.serialize_fields(&mut map)?,
            Self::Document(block) => block.serialize_fields(&mut map)?,
            Self::ToolUse(block) => block.serialize_fields(&mut map)?,
            Self::ToolResult(block) => block.serialize_fields(&mut map)?,
            Self::Thinking(block) => block.serialize_fields(&mut map)?,
            Self::RedactedThinking(block) => block.serialize_fields(&mut map)?,
            Self::Other(block) => block.fields.serialize_fields(&mut map)?,
        }
        map.end()
    }
}
