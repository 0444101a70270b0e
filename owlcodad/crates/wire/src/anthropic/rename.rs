//! A request's own bytes under another name of the model.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};

use crate::object::Str;
use crate::wire_error::mend_halves;

/// `body` as it came, every byte of it, but for the value of `model`: what goes
/// to a server that speaks the caller's own API. None if it is no object with a
/// model in it, which a body that `Request::parse` takes always is.
///
/// Half a character, which strict servers refuse, becomes U+FFFD as in `parse`.
pub fn rename_model(body: &[u8], backend_model: &str) -> Option<Bytes> {
    let mended = mend_halves(body);
    let body = mended.as_deref().unwrap_or(body);
    let names: Names<'_> = serde_json::from_slice(body).ok()?;
    let new = to_raw_value(backend_model).ok()?;
    let mut out = BytesMut::with_capacity(body.len() + new.get().len());
    let mut at = 0;
    // A key given twice is read as its last value by some and its first by others.
    for old in &names.0 {
        // `old` was borrowed from `body`, so its address tells where it stands.
        let start = (old.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        out.put_slice(body.get(at..start)?);
        out.put_slice(new.get().as_bytes());
        at = start.checked_add(old.get().len())?;
    }
    out.put_slice(body.get(at..)?);
    (!names.0.is_empty()).then(|| out.freeze())
}

/// Every value of `model`, in order.
struct Names<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Body;
        impl<'de> Visitor<'de> for Body {
            type Value = Names<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<'de>, A::Error> {
                let mut names = Vec::new();
                while let Some(Str(key)) = map.next_key()? {
                    if key == "model" {
                        names.push(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Body)
    }
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
