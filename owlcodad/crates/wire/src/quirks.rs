//! What model servers do in their own way: one field a quirk, one row a server.
//!
//! Only what changes the request we write, or how we read the answer, is here. What every server
//! gets, because it hurts none (text parts joined to one string, tool results in the order of the
//! calls, `stream_options.include_usage`), is in the translation itself, and so is what is read
//! from any server whoever it is (tool calls with bad numbers, thinking under three names).
//!
//! The rows are in `table.rs`, each value with the version it was seen in and where it is written
//! down. A row may depend on the model's name where a provider serves models of several kinds.

mod table;

use crate::translate::WrittenCalls;

/// The state of the table: raised whenever a row changes, so that "it worked yesterday" can be
/// compared.
pub const QUIRKS_VERSION: u32 = 1;

/// How one model on one server wants to be asked and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// The field that turns thinking on and off.
    pub thinking: ThinkingSwitch,
    /// How the model is shown what it thought in earlier turns.
    pub past_thinking: PastThinking,
    /// What makes the server go on with an answer that the caller has begun.
    pub prefill: Prefill,
    /// Which forms of `tool_choice` are honoured.
    pub tool_choice: ToolChoiceForms,
    /// Whether several calls in one answer have to be asked for.
    pub parallel_calls: ParallelCalls,
    /// The name of the limit of the answer.
    pub limit: LimitName,
    /// Whether `top_k` is taken. Those that do not know it ignore it, but for the strict ones.
    pub takes_top_k: bool,
    /// Whether `temperature` and `top_p` may be set; some models refuse any but their own.
    pub takes_sampling: bool,
    /// Most stop sequences; none is no limit that we know of.
    pub max_stops: Option<usize>,
    /// Which pictures are taken.
    pub pictures: Pictures,
    /// Which keywords a tool's schema may have.
    pub schema_keywords: SchemaKeywords,
    /// Whether tool calls that the model writes as text are looked for in the answer.
    pub written_calls: WrittenCalls,
    /// The header for the key, where the server is asked in the Messages API.
    pub messages_key: MessagesKey,
}

/// The field that turns thinking on and off. Callers of the Messages API who do not ask for
/// thinking want none, while many servers think unless told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingSwitch {
    /// There is none that is safe to send.
    Unknown,
    /// `chat_template_kwargs.enable_thinking`, for servers that render the model's own template.
    TemplateKwargs,
    /// `reasoning_effort: "none"` where none is asked for, and nothing where it is: a level is
    /// refused by models that do not have levels, and thinking is the default of those that can.
    EffortNone,
    /// `reasoning_effort` with the level, for models that always think.
    Effort,
    /// `reasoning`, with `effort` or `enabled`, where thinking is asked for, and nothing where it
    /// is not: models that must think refuse to be told otherwise.
    ReasoningObject,
    /// `enable_thinking` at the top, off unless the answer is a stream.
    EnableThinking,
    /// `enable_thinking: true` at the top, for models that cannot be told otherwise.
    AlwaysEnableThinking,
    /// `thinking: {"type": "enabled" | "disabled"}`.
    ThinkingType,
}

/// How the model is shown what it thought in earlier turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastThinking {
    /// Not at all: some servers refuse it.
    Drop,
    /// As `reasoning_content` of the message.
    ReasoningContent,
    /// The same, and a blank one at every message with tool calls that has no thinking of its own,
    /// for servers that refuse the conversation without.
    ReasoningContentWithCalls,
    /// As `reasoning` of the message.
    Reasoning,
    /// Within the text, between `<think>` and `</think>`.
    InText,
}

/// What makes the server go on with an answer that the caller has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// Nothing but that the conversation ends with it; servers that cannot go on answer anew.
    Plain,
    /// `continue_final_message: true` and `add_generation_prompt: false`.
    ContinueFlags,
    /// `partial: true` at the message.
    PartialMark,
}

/// Which forms of `tool_choice` are honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolChoiceForms {
    /// Words, and an object that names a tool.
    All,
    /// Words only. A named tool is said as `required` with no other tool offered.
    Words,
    /// All but `required`. It is said by naming the tool where there is one only, and is otherwise
    /// left to the model.
    NotRequired,
    /// None: the field is not read. `none` is said by offering no tool, a named tool by offering no
    /// other, and `required` is left to the model.
    Unread,
}

/// Whether several calls in one answer have to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParallelCalls {
    /// They come unless `parallel_tool_calls: false` is sent.
    ByDefault,
    /// They come only where `parallel_tool_calls: true` is sent.
    WhenAsked,
}

/// The name of the limit of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitName {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`; the older name is refused or ignored.
    MaxCompletionTokens,
}

/// Which pictures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// Any, within the request or at an address that the server fetches.
    Any,
    /// Only within the request, and only of these media types.
    Inline(&'static [&'static str]),
}

/// Which keywords a tool's schema may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKeywords {
    /// Any: the server does not compile schemas, or compiles all of it.
    Any,
    /// None that has no grammar: `pattern`, and bounds on length from 1000 on. One of them in one
    /// tool has the whole request refused.
    WithGrammar,
}

/// The header for the key, where the server is asked in the Messages API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagesKey {
    /// `x-api-key`, as Anthropic has it.
    XApiKey,
    /// `authorization: Bearer`, as in the other API.
    Bearer,
}

impl Default for Quirks {
    fn default() -> Self {
        Self::GENERIC
    }
}
