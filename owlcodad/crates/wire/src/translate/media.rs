//! Pictures and documents in the forms that chat servers take.

use std::borrow::Cow;

use super::error::TranslateError;
use super::turns::join;
use crate::anthropic::{Block, Content, Document, Image, Source};

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
pub(super) fn image_url<'a>(image: &'a Image, path: &str) -> Result<Cow<'a, str>, TranslateError> {
    let source = &image.source;
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

fn document_text(source: &Source) -> Option<Cow<'_, str>> {
    match (source.kind.as_str(), &source.data, &source.content) {
        ("text", Some(data), _) => Some(Cow::Borrowed(data)),
        ("content", _, Some(Content::Text(text))) => Some(Cow::Borrowed(text)),
        ("content", _, Some(Content::Blocks(blocks))) => {
            let texts: Option<Vec<&str>> = blocks
                .iter()
                .map(|block| match block {
                    Block::Text(block) => Some(block.text.as_str()),
                    _ => None,
                })
                .collect();
            Some(join(texts?.into_iter()).unwrap_or_default())
        }
        _ => None,
    }
}
