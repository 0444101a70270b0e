//! What is known of the model server that a request is translated for.

/// The model server's side of a translation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target<'a> {
    /// The model's name there.
    pub model: &'a str,
    /// Prompt and answer together, if known. Unit: tokens.
    pub context_window: Option<u64>,
    /// What is asked for where the caller sets no limit and the server's API
    /// needs one; none is 4096. Unit: tokens.
    pub default_max_tokens: Option<u64>,
    /// Which fields it takes beyond those that all take.
    pub flavour: Flavour,
    /// Whether the model is shown what it thought in earlier turns.
    pub past_thinking: PastThinking,
}

/// Which fields a server takes beyond those that all take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// Nothing is known: only what all servers take, and `top_k`, which those
    /// that do not know it ignore.
    #[default]
    Plain,
    /// vLLM, `SGLang`, llama.cpp: thinking is switched by `chat_template_kwargs`.
    Template,
    /// `OpenAI` and those as strict as it: `max_completion_tokens`, and no field
    /// that it does not list.
    OpenAi,
    /// The same for models that always reason: `reasoning_effort`, and neither
    /// `temperature` nor `top_p`, which they refuse.
    OpenAiReasoning,
}

impl Flavour {
    pub(super) fn is_open_ai(self) -> bool {
        matches!(self, Self::OpenAi | Self::OpenAiReasoning)
    }
}

/// Whether the model is shown what it thought in earlier turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PastThinking {
    /// No: some servers refuse it.
    #[default]
    Drop,
    /// As `reasoning_content`, which models that think between tool calls need.
    Echo,
}
