//! The names of tools on offer, read in one pass over whatever stands in their place.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::object::Str;

/// An entry of `tools` or `functions`. What is of another kind than it should be has no name: it is
/// for the model server, or the translation, to refuse.
#[derive(Debug, Default)]
pub(super) struct ToolEntry<'a> {
    name: Option<Cow<'a, str>>,
    /// What `function` or `custom` holds.
    inner: Option<Box<Self>>,
}

impl<'a> ToolEntry<'a> {
    /// The name of an entry of `functions`.
    pub(super) fn name(self) -> Option<Cow<'a, str>> {
        self.name
    }

    /// The name of an entry of `tools`.
    pub(super) fn inner_name(self) -> Option<Cow<'a, str>> {
        self.inner?.name
    }
}

/// A string, or anything else.
struct Text<'a>(Option<Cow<'a, str>>);

/// The parts of a visitor that take every value but the one it is for.
macro_rules! takes_all_else {
    ($type:ty, $none:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_bool<E>(self, _: bool) -> Result<$type, E> {
            Ok($none)
        }

        fn visit_i64<E>(self, _: i64) -> Result<$type, E> {
            Ok($none)
        }

        fn visit_u64<E>(self, _: u64) -> Result<$type, E> {
            Ok($none)
        }

        fn visit_f64<E>(self, _: f64) -> Result<$type, E> {
            Ok($none)
        }

        fn visit_unit<E>(self) -> Result<$type, E> {
            Ok($none)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$type, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($none)
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for ToolEntry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = ToolEntry<'de>;

            takes_all_else!(ToolEntry<'de>, ToolEntry::default());

            fn visit_str<E>(self, _: &str) -> Result<ToolEntry<'de>, E> {
                Ok(ToolEntry::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ToolEntry<'de>, A::Error> {
                let mut entry = ToolEntry::default();
                while let Some(Str(key)) = map.next_key()? {
                    match &*key {
                        "name" => entry.name = map.next_value::<Text<'_>>()?.0,
                        "function" | "custom" => entry.inner = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(entry)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text<'de>;

            takes_all_else!(Text<'de>, Text(None));

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_belong_and_nowhere_else() {
        let cases = [
            (
                r#"{"type":"function","function":{"name":"a"}}"#,
                None,
                Some("a"),
            ),
            (r#"{"custom":{"name":"a\n"}}"#, None, Some("a\n")),
            (r#"{"name":"a","parameters":{"name":"b"}}"#, Some("a"), None),
            (r#"{"name":1,"function":[{"name":"a"}]}"#, None, None),
            (r#"{"name":{"a":{}},"function":null}"#, None, None),
            ("[1,2]", None, None),
            ("null", None, None),
            ("-1.5", None, None),
            ("true", None, None),
            (r#""name""#, None, None),
        ];
        for (json, name, inner) in cases {
            let read = || serde_json::from_str::<ToolEntry<'_>>(json).unwrap();
            assert_eq!(read().name().as_deref(), name, "{json}");
            assert_eq!(read().inner_name().as_deref(), inner, "{json}");
        }
    }
}
