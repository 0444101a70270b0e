//! Ids, made in one place, ordered by time (UUID version 7).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("Written `", $prefix, "` and 32 hex digits.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, later in order than every one made before it.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The 16 bytes, which sort by the time of their making.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                text.strip_prefix($prefix)
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| format!(concat!("`{}` is not an id of the form ", $prefix, "<32 hex digits>"), crate::clip(text, 80)))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    };
}

id! {
    /// One call of a model, from its admission to its audit record.
    RequestId, "req_"
}
id! {
    /// One conversation and its event log.
    SessionId, "ses_"
}
id! {
    /// One turn of a conversation: an input and all that follows from it.
    TurnId, "trn_"
}
id! {
    /// One item of a turn: a message, a tool call.
    ItemId, "itm_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_json_and_bytes() {
        let id = SessionId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
    }

    #[test]
    fn ids_sort_by_the_time_of_their_making() {
        let ids: Vec<_> = (0..1000).map(|_| RequestId::generate()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn what_is_not_an_id_is_refused_with_the_form_it_should_have() {
        let bad = [
            "",
            "ses_",
            "req_0123",
            "ses_zz3456789012345678901234567890ab",
            "0123456789abcdef0123456789abcdef",
        ];
        for text in bad {
            let error = text.parse::<SessionId>().unwrap_err();
            assert!(error.contains("ses_<32 hex digits>"), "{text}: {error}");
        }
    }
}
