//! What we read of a server's events and answers, borrowed from their bytes.
//!
//! Only what an event is for is read; the rest stays raw, so that one odd field
//! does not cost the whole event.

use owlcoda_types::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::response::StopReason;
use crate::object::Str;

/// An event of a stream, or a whole answer, whose `type` is `message`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Incoming<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_reason: Option<&'a RawValue>,
}

/// The message in a `message_start`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow, default)]
    pub(crate) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) usage: Option<&'a RawValue>,
}

/// A block of an answer, begun or whole, or what a block or the message grows by.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) partial_json: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_reason: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    pub(crate) fn kind(&self) -> Option<Str<'a>> {
        self.kind.and_then(string)
    }

    /// Which block it is about.
    pub(crate) fn index(&self) -> Option<u64> {
        self.index.and_then(|raw| raw.get().parse().ok())
    }

    /// Why a whole answer ends.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason.and_then(stop_reason)
    }

    /// Whether it is an error, however it is wrapped.
    pub(crate) fn is_error(&self) -> bool {
        self.error.is_some_and(|raw| raw.get() != "null")
            || self.kind.is_some_and(|raw| raw.get() == "\"error\"")
    }
}

impl<'a> Part<'a> {
    /// The part in `raw`; an empty one if it is none.
    pub(crate) fn read(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> Option<Str<'a>> {
        self.kind.and_then(string)
    }

    pub(crate) fn id(&self) -> Option<Str<'a>> {
        self.id.and_then(string)
    }

    pub(crate) fn name(&self) -> Option<Str<'a>> {
        self.name.and_then(string)
    }

    /// Why the answer ends, if it does.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason.and_then(stop_reason)
    }
}

fn string(raw: &RawValue) -> Option<Str<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// A reason that we do not know is still one: the answer is whole.
fn stop_reason(raw: &RawValue) -> Option<StopReason> {
    string(raw)?;
    Some(serde_json::from_str(raw.get()).unwrap_or(StopReason::EndTurn))
}

/// Adds the counts in `raw` to what is known; none of them is not a change.
///
/// Servers count up: the start holds the prompt, the end the answer and, from
/// some, the prompt again. A later zero is no count but the lack of one.
pub(crate) fn read_usage(raw: &RawValue, known: &mut Option<Usage>) {
    #[derive(Deserialize)]
    struct Counts<'a> {
        #[serde(borrow, default, rename = "input_tokens")]
        input: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "output_tokens")]
        output: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "cache_read_input_tokens")]
        cache_read: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "cache_creation_input_tokens")]
        cache_creation: Option<&'a RawValue>,
    }
    let Ok(counts) = serde_json::from_str::<Counts<'_>>(raw.get()) else {
        return;
    };
    let count = |raw: Option<&RawValue>| raw.and_then(|raw| raw.get().parse::<u64>().ok());
    let (input, output) = (count(counts.input), count(counts.output));
    if input.is_none() && output.is_none() {
        return;
    }
    let usage = known.get_or_insert_default();
    for (field, count) in [
        (&mut usage.input_tokens, input),
        (&mut usage.output_tokens, output),
        (&mut usage.cache_read_tokens, count(counts.cache_read)),
        (&mut usage.cache_write_tokens, count(counts.cache_creation)),
    ] {
        if let Some(count) = count.filter(|count| *count > 0) {
            *field = count;
        }
    }
}
