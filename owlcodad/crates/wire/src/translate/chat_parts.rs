//! Parts of a chat message as blocks, and the arguments of a call as an input.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::TranslateError;
use super::request::Dropped;
use crate::anthropic::{Block, Image, Source, Text};
use crate::json::{JsonPart, JsonText};
use crate::object::RawFields;
use crate::openai::{Fields, decode_whole, whole_text};

/// The blocks of a content: text that is not blank, and pictures.
pub(super) fn parts(
    json: JsonPart<'_>,
    path: &str,
    dropped: &mut Dropped,
) -> Result<Vec<Block>, TranslateError> {
    if let Some(text) = whole_text(json) {
        return Ok(text_block(text).into_iter().collect());
    }
    let items = json
        .items()
        .ok_or_else(|| TranslateError::invalid(path, "expected a string or a list of parts"))?;
    let mut blocks = Vec::with_capacity(items.len());
    for (idx, json) in items.into_iter().enumerate() {
        blocks.extend(part(json, &format!("{path}[{idx}]"), dropped)?);
    }
    Ok(blocks)
}

/// Text, unless it is blank: servers refuse that.
pub(super) fn text_block(text: JsonText) -> Option<Block> {
    (!text.escaped().is_blank()).then(|| Block::text(text))
}

fn part(
    json: JsonPart<'_>,
    path: &str,
    dropped: &mut Dropped,
) -> Result<Option<Block>, TranslateError> {
    let fields =
        Fields::read(json).ok_or_else(|| TranslateError::invalid(path, "expected an object"))?;
    let kind = fields.text("type").unwrap_or_default();
    let (block, known) = match &*kind {
        "text" | "refusal" => {
            let text = fields.get(&kind).and_then(whole_text).ok_or_else(|| {
                TranslateError::invalid(format!("{path}.{kind}"), "expected a text")
            })?;
            if text.escaped().is_blank() {
                return Ok(None);
            }
            let mut block = Text::new(text);
            block.cache_control = fields.get("cache_control").map(JsonPart::to_raw);
            (Block::Text(block), &*kind)
        }
        "image_url" => {
            let image = Image {
                source: picture(&fields, path, dropped)?,
                cache_control: fields.get("cache_control").map(JsonPart::to_raw),
                rest: RawFields::default(),
            };
            (Block::Image(image), "image_url")
        }
        kind => {
            let kind = owlcoda_types::clip(kind, 80);
            return Err(TranslateError::unsupported(
                path,
                format!("a `{kind}` part"),
                "send text or a picture",
            ));
        }
    };
    for (name, _) in fields.iter() {
        if !matches!(name, "type" | "cache_control") && name != known {
            dropped.add(&format!("messages.content.{name}"));
        }
    }
    Ok(Some(block))
}

fn picture(
    fields: &Fields<'_>,
    path: &str,
    dropped: &mut Dropped,
) -> Result<Source, TranslateError> {
    let path = format!("{path}.image_url");
    let raw = fields
        .get("image_url")
        .ok_or_else(|| TranslateError::invalid(path.as_str(), "field required"))?;
    let url = match decode_whole(raw.get()) {
        Some(url) => Some(url),
        None => Fields::read(raw).and_then(|image| {
            if image
                .get("detail")
                .is_some_and(|raw| raw.get() != "\"auto\"")
            {
                dropped.add("image_url.detail");
            }
            image.text("url")
        }),
    };
    let path = format!("{path}.url");
    let url = url.ok_or_else(|| TranslateError::invalid(path.as_str(), "field required"))?;
    let mut source = Source {
        kind: "url".to_owned(),
        media_type: None,
        data: None,
        url: None,
        file_id: None,
        content: None,
        rest: RawFields::default(),
    };
    if has_scheme(&url, "https:") || has_scheme(&url, "http:") {
        source.url = Some(url.into_owned());
        return Ok(source);
    }
    if !has_scheme(&url, "data:") {
        return Err(TranslateError::invalid(
            path,
            "expected a `data:` or `https:` URL",
        ));
    }
    // data:image/png;base64,AAAA
    let (head, data) = url.split_once(',').unwrap_or_default();
    let mut words = head.split([':', ';']).skip(1);
    let media_type = words.next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_base64 = words.any(|word| word.trim().eq_ignore_ascii_case("base64"));
    if media_type.is_empty() || !is_base64 || data.trim().is_empty() {
        return Err(TranslateError::invalid(
            path,
            "expected `data:`, a media type, `;base64,` and the picture",
        ));
    }
    "base64".clone_into(&mut source.kind);
    source.media_type = Some(match media_type.as_str() {
        "image/jpg" => "image/jpeg".to_owned(),
        _ => media_type,
    });
    source.data = Some(data.trim().to_owned());
    Ok(source)
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The arguments of a call as an object, byte for byte; none are an empty one.
pub(super) fn called_input(
    function: &Fields<'_>,
    path: &str,
) -> Result<Box<RawValue>, TranslateError> {
    let Some(raw) = function.get("arguments") else {
        return Ok(empty_object());
    };
    let Some(json) = decode_whole(raw.get()) else {
        // Some clients send the object itself.
        return object(raw.get()).ok_or_else(|| no_object(path));
    };
    if matches!(json.trim(), "" | "null") {
        return Ok(empty_object());
    }
    object(json.trim()).ok_or_else(|| no_object(path))
}

fn no_object(path: &str) -> TranslateError {
    TranslateError::invalid(path, "expected a JSON object as text")
}

fn object(json: &str) -> Option<Box<RawValue>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let raw = Box::<RawValue>::deserialize(&mut deserializer).ok()?;
    (deserializer.end().is_ok() && raw.get().starts_with('{')).then_some(raw)
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_default()
}
