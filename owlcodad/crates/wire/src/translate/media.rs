//! Pictures and documents in the forms that chat servers take.

use std::borrow::Cow;

use super::error::TranslateError;
use super::turns::join;
use crate::anthropic::{Block, Content, Document, Image, Source};
use crate::quirks::Pictures;

/// A document that is text, with its title, inside a tag.
pub(super) fn document(document: &Document, path: &str) -> Result<String, TranslateError> {
    let text = document_text(&document.source).ok_or_else(|| {
        let kind = owlcoda_types::clip(&document.source.kind, 40);
        TranslateError::unsupported(
            path,
            format!("a document from a `{kind}` source"),
            "send its text",
        )
    })?;
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str("<document>\n");
    for (label, value) in [("Title", &document.title), ("Context", &document.context)] {
        if let Some(value) = value {
            out.push_str(label);
            out.push_str(": ");
            out.push_str(value);
            out.push('\n');
        }
    }
    out.push_str(&text);
    out.push_str("\n</document>");
    Ok(out)
}

/// Where a picture is: its bytes as a `data:` URL, or the URL it came with.
pub(super) fn image_url<'a>(
    image: &'a Image,
    taken: Pictures,
    path: &str,
) -> Result<Cow<'a, str>, TranslateError> {
    let source = &image.source;
    if let Pictures::Inline(types) = taken {
        check_inline(source, types, path)?;
    }
    match (
        source.kind.as_str(),
        &source.media_type,
        &source.data,
        &source.url,
    ) {
        ("base64", Some(media_type), Some(data), _) => {
            Ok(Cow::Owned(format!("data:{media_type};base64,{data}")))
        }
        ("base64", ..) => Err(TranslateError::invalid(
            format!("{path}.source"),
            "needs `media_type` and `data`",
        )),
        ("url", _, _, Some(url)) => Ok(Cow::Borrowed(url)),
        ("url", ..) => Err(TranslateError::invalid(
            format!("{path}.source.url"),
            "field required",
        )),
        (kind, ..) => Err(TranslateError::unsupported(
            path,
            format!("an image from a `{}` source", owlcoda_types::clip(kind, 40)),
            "send it as `base64` or `url`",
        )),
    }
}

/// Refuses what the server cannot read by name: its own message often names something else.
fn check_inline(source: &Source, types: &[&str], path: &str) -> Result<(), TranslateError> {
    if source.kind == "url" {
        return Err(TranslateError::unsupported(
            path,
            "a picture at an address (this model server fetches none)",
            "send it as `base64`",
        ));
    }
    let media_type = source.media_type.as_deref().unwrap_or_default();
    if source.kind == "base64" && !media_type.is_empty() && !types.contains(&media_type) {
        return Err(TranslateError::unsupported(
            path,
            format!(
                "a picture of the type `{}` (this model server does not read it)",
                owlcoda_types::clip(media_type, 40)
            ),
            "send it as PNG or JPEG",
        ));
    }
    Ok(())
}

fn document_text(source: &Source) -> Option<Cow<'_, str>> {
    match (source.kind.as_str(), &source.data, &source.content) {
        ("text", Some(data), _) => Some(Cow::Borrowed(data)),
        ("content", _, Some(Content::Text(text))) => Some(text.decoded()),
        ("content", _, Some(Content::Blocks(blocks))) => {
            let texts: Option<Vec<Cow<'_, str>>> = blocks
                .iter()
                .map(|block| match block {
                    Block::Text(block) => Some(block.text.decoded()),
                    _ => None,
                })
                .collect();
            let texts = texts?;
            let joined = join(texts.iter().map(|text| &**text)).unwrap_or_default();
            Some(Cow::Owned(joined.into_owned()))
        }
        _ => None,
    }
}
