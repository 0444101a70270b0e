//! The shape of chat chunks and chat answers as we write them.

use std::borrow::Cow;

use bytes::Bytes;
use owlcoda_types::Usage;
use serde::{Serialize, Serializer};

/// A field that may be left out and may be null.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Field<T> {
    #[default]
    LeftOut,
    Null,
    Of(T),
}

impl<T> Field<T> {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::LeftOut)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::LeftOut | Self::Null => serializer.serialize_none(),
            Self::Of(value) => value.serialize(serializer),
        }
    }
}

/// A chunk of a stream, or with `message` in its choice a whole answer.
#[derive(Debug, Serialize)]
pub(super) struct ChunkBody<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    /// Unit: seconds since 1970.
    pub(super) created: i64,
    pub(super) model: &'a str,
    pub(super) choices: &'a [ChoiceBody<'a>],
    /// Null in every chunk but the last, and left out where it was not asked for.
    #[serde(skip_serializing_if = "Field::is_left_out")]
    pub(super) usage: Field<UsageBody>,
}

#[derive(Debug, Serialize)]
pub(super) struct ChoiceBody<'a> {
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<DeltaBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<DeltaBody<'a>>,
    pub(super) logprobs: (),
    pub(super) finish_reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct DeltaBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    /// Null where there are only tool calls.
    #[serde(skip_serializing_if = "Field::is_left_out")]
    pub(super) content: Field<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<CallBody<'a>>,
}

/// A call, or a piece of one; only the first has an id, a type and a name.
#[derive(Debug, Default, Serialize)]
pub(super) struct CallBody<'a> {
    /// Not in whole answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) function: FunctionBody<'a>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct FunctionBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cow<'a, str>>,
    /// JSON as text.
    pub(super) arguments: Cow<'a, str>,
}

/// Usage in the API's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsageBody(pub(super) Usage);

impl Serialize for UsageBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Counts {
            prompt_tokens: u64,
            completion_tokens: u64,
            total_tokens: u64,
            prompt_tokens_details: Details,
        }
        #[derive(Serialize)]
        struct Details {
            cached_tokens: u64,
        }
        let usage = &self.0;
        Counts {
            prompt_tokens: usage.prompt_tokens(),
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: Details {
                cached_tokens: usage.cache_read_tokens,
            },
        }
        .serialize(serializer)
    }
}

impl ChunkBody<'_> {
    pub(super) fn to_bytes(&self) -> Bytes {
        // Cannot fail: every key is a string and nothing is written outside memory.
        Bytes::from(serde_json::to_vec(self).unwrap_or_default())
    }
}
