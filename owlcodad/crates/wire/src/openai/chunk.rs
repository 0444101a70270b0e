//! What we read of a chat chunk, borrowed from its bytes.
//!
//! Values that servers send in several forms stay raw here and are read where
//! they are used, so that one odd field does not cost the whole chunk. A whole
//! answer reads as a chunk too: its choices have `message` in place of `delta`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::Str;

/// A chunk of a streamed answer, or a whole one.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(crate) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    pub(crate) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) model: Option<&'a RawValue>,
    /// `error` in the errors that are not wrapped.
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(default)]
    pub(crate) index: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    pub(crate) message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    pub(crate) finish_reason: Option<Str<'a>>,
    /// vLLM: the stop string that was met, or a token id.
    #[serde(borrow, default)]
    pub(crate) stop_reason: Option<&'a RawValue>,
    /// Moonshot puts the usage here.
    #[serde(borrow, default)]
    pub(crate) usage: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Option<&'a RawValue>,
    /// `DeepSeek`, llama.cpp, `SGLang`, older vLLM.
    #[serde(borrow, default)]
    pub(crate) reasoning_content: Option<&'a RawValue>,
    /// Ollama, `OpenRouter`, newer vLLM.
    #[serde(borrow, default)]
    pub(crate) reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) tool_calls: Option<Vec<ToolCall<'a>>>,
    /// The form before there were several calls.
    #[serde(borrow, default)]
    pub(crate) function_call: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolCall<'a> {
    #[serde(default)]
    pub(crate) index: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(crate) function: Option<Function<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Function<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    /// Whether it is an error that is not wrapped in `error`.
    pub(crate) fn is_bare_error(&self) -> bool {
        let says_error = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get() == "\"error\"");
        self.choices.is_none()
            && (says_error(self.object) || says_error(self.kind) || self.detail.is_some())
    }

    /// The choice we relay: the one with index 0.
    pub(crate) fn first_choice(&self) -> Option<&Choice<'a>> {
        let choices = self.choices.as_deref()?;
        choices
            .iter()
            .find(|choice| choice.index.is_none_or(|index| index == 0))
    }
}

impl<'a> Choice<'a> {
    pub(crate) fn delta(&self) -> Option<&Delta<'a>> {
        self.delta.as_ref().or(self.message.as_ref())
    }

    /// Why the answer ends; some servers send an empty string until then.
    pub(crate) fn finish_reason(&self) -> Option<&str> {
        self.finish_reason
            .as_ref()
            .map(|reason| &*reason.0)
            .filter(|reason| !reason.is_empty())
    }
}
