//! A request's own bytes under another name of the model.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::json::{Scan, put_str};
use crate::wire_error::mend_halves;

/// `body` as it came, every byte of it, but for the value of `model`: what goes
/// to a server that speaks the caller's own API. None if it is no object with a
/// model in it, or nested more than 127 deep.
///
/// Half a character, which strict servers refuse, becomes U+FFFD as in `parse`.
pub fn rename_model(body: &[u8], backend_model: &str) -> Option<Bytes> {
    let mended = mend_halves(body);
    let body = mended.as_deref().unwrap_or(body);
    let names = model_names(std::str::from_utf8(body).ok()?)?;
    let mut out = BytesMut::with_capacity(body.len() + backend_model.len() + 2);
    let mut at = 0;
    for old in &names {
        out.put_slice(body.get(at..old.start)?);
        put_str(&mut out, backend_model);
        at = old.end;
    }
    out.put_slice(body.get(at..)?);
    (!names.is_empty()).then(|| out.freeze())
}

/// Where the values of `model` stand. A key given twice is read as its last value by some and its
/// first by others.
fn model_names(body: &str) -> Option<Vec<Range<usize>>> {
    let mut names = Vec::new();
    let mut scan = Scan::new(body);
    scan.members(|scan, name| {
        let value = scan.value()?;
        // Any letter may be written as an escape.
        let is_model = name == "\"model\""
            || name.contains('\\')
                && serde_json::from_str::<String>(name).is_ok_and(|name| name == "model");
        if is_model {
            names.push(value);
        }
        Some(())
    })?;
    scan.is_at_end().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_model_changes() {
        let cases = [
            (
                "{ \"z\": 1.50,\n \"model\" : \"a\\u0062\" , \"stream\":false, \"tools\":[],\"x\":null}",
                "{ \"z\": 1.50,\n \"model\" : \"their \\\"m\\\"\" , \"stream\":false, \"tools\":[],\"x\":null}",
            ),
            (
                r#"{"model":"a","metadata":{"model":"a"},"model":"b"}"#,
                r#"{"model":"their \"m\"","metadata":{"model":"a"},"model":"their \"m\""}"#,
            ),
            (
                r#"{"mod\u0065l":"a","m\\odel":"a"}"#,
                r#"{"mod\u0065l":"their \"m\"","m\\odel":"a"}"#,
            ),
            (
                r#"{"model":"a","x":"\ud83e"}"#,
                r#"{"model":"their \"m\"","x":"\uFFFD"}"#,
            ),
        ];
        for (body, expected) in cases {
            let sent = rename_model(body.as_bytes(), "their \"m\"").unwrap();
            assert_eq!(sent, expected, "{body}");
        }
    }

    #[test]
    fn what_names_no_model_is_not_sent() {
        for body in ["", "[]", "{}", r#"{"messages":[]}"#, r#"{"model":"a""#] {
            assert_eq!(rename_model(body.as_bytes(), "m"), None, "{body}");
        }
    }
}
