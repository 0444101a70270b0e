//! The rows of the table: how each server differs from the generic one, since when, and who says so.
//!
//! "Seen" is the version of the server, or the month of the provider's page, that the fact was
//! looked up in; it may hold for older ones too.

use owlcoda_types::Server;

use super::{
    LimitName, MessagesKey, ParallelCalls, PastThinking, Pictures, Prefill, Quirks, SchemaKeywords,
    ThinkingSwitch, ToolChoiceForms,
};
use crate::translate::WrittenCalls;

impl Quirks {
    /// The row for `model` on `server`.
    pub fn of(server: Server, model: &str) -> Self {
        // Gateways and mirrors put the vendor in front: `openai/gpt-5`, `moonshotai/kimi-k2.6`.
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.to_ascii_lowercase();
        match server {
            Server::Generic | Server::Anthropic => Self::GENERIC,
            Server::Ollama => Self::OLLAMA,
            Server::LmStudio => Self::LM_STUDIO,
            Server::Vllm => Self::VLLM,
            Server::Sglang => Self::SGLANG,
            Server::LlamaCpp => Self::LLAMA_CPP,
            Server::OpenAi if always_reasons(&name) => Self::OPENAI_REASONING,
            Server::OpenAi => Self::OPENAI,
            Server::OpenRouter => Self::OPENROUTER,
            Server::Moonshot => Self::moonshot(&name),
            Server::Bailian => Self::bailian(&name),
            Server::MiniMax => Self::MINIMAX,
            Server::Mimo => Self::MIMO,
            Server::DeepSeek => Self::DEEPSEEK,
        }
    }

    /// What all servers take.
    pub const GENERIC: Self = Self {
        thinking: ThinkingSwitch::Unknown,
        past_thinking: PastThinking::Drop,
        prefill: Prefill::Plain,
        tool_choice: ToolChoiceForms::All,
        parallel_calls: ParallelCalls::ByDefault,
        limit: LimitName::MaxTokens,
        takes_top_k: true,
        takes_sampling: true,
        max_stops: None,
        pictures: Pictures::Any,
        schema_keywords: SchemaKeywords::Any,
        // A model that quotes a call from a file must not make one: only where it is known that
        // the server leaves calls in the text.
        written_calls: WrittenCalls::Ignore,
        messages_key: MessagesKey::XApiKey,
    };

    const OLLAMA: Self = Self {
        // Seen in 0.12 to 0.40: models that can think do so unless `none` is sent; a level is
        // refused with "think value … is not supported for this model" or "does not support
        // thinking". `think` is read on `/api/chat` only. ollama#12561, #14820.
        thinking: ThinkingSwitch::EffortNone,
        // Read from `reasoning`, not from `reasoning_content`. openai/openai.go at 0098875.
        past_thinking: PastThinking::Reasoning,
        // The request type has no such field. openai/openai.go at 0098875.
        tool_choice: ToolChoiceForms::Unread,
        // Anything else is "invalid image input". openai/openai.go at 0098875.
        pictures: Pictures::Inline(&["image/jpeg", "image/jpg", "image/png", "image/webp"]),
        // Calls of templates that the server does not know stay in the text.
        // github-copilot-api-vscode#79.
        written_calls: WrittenCalls::Parse,
        ..Self::GENERIC
    };

    const LM_STUDIO: Self = Self {
        // Seen in 0.3.15 to 0.4.18: an object is "Invalid tool_choice type: 'object'.
        // Supported string values: none, auto, required". lmstudio-bug-tracker#670.
        tool_choice: ToolChoiceForms::Words,
        // Seen in 0.3.27 to 0.4.9: addresses and WebP are "'url' field must be a base64 encoded
        // image". lmstudio-bug-tracker#1027, #1120, #1752; Roo-Code#8827.
        pictures: Pictures::Inline(&["image/jpeg", "image/jpg", "image/png"]),
        // llama.cpp is within it. lmstudio-bug-tracker#2220.
        schema_keywords: SchemaKeywords::WithGrammar,
        // Seen in 0.4.18: `<tool_call>` in `content` and no `tool_calls`. lmstudio-bug-tracker#2115.
        written_calls: WrittenCalls::Parse,
        ..Self::GENERIC
    };

    const VLLM: Self = Self {
        // Seen from 0.8.5 on. Documentation, "Reasoning Outputs".
        thinking: ThinkingSwitch::TemplateKwargs,
        // `reasoning_content` was renamed in November 2025 and is no longer read since January
        // 2026; older versions read neither. vllm#27752, #33402.
        past_thinking: PastThinking::Reasoning,
        // Both needed, one without the other is refused. Documentation, "OpenAI-Compatible Server".
        prefill: Prefill::ContinueFlags,
        // Without a tool parser for the model, calls stay in the text. Documentation, "Tool Calling".
        written_calls: WrittenCalls::Parse,
        // `--api-key` is compared with `authorization` on every route. Documentation, "Security".
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    const SGLANG: Self = Self {
        // Seen from 0.4.6 on. Documentation, "Reasoning Parser".
        thinking: ThinkingSwitch::TemplateKwargs,
        // The message type has `reasoning_content`, which the template gets.
        past_thinking: PastThinking::ReasoningContent,
        // The request type has `continue_final_message`.
        prefill: Prefill::ContinueFlags,
        // Without `--tool-call-parser`, calls stay in the text. Documentation, "Tool Parser".
        written_calls: WrittenCalls::Parse,
        // `--api-key` is compared with `authorization`.
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    const LLAMA_CPP: Self = Self {
        // tools/server/README.md. An answer that is begun is refused with "Assistant response
        // prefill is incompatible with enable_thinking" unless it is off.
        thinking: ThinkingSwitch::TemplateKwargs,
        // Handed to the template, which models that think between calls need. llama.cpp#21249, seen
        // 2026-04.
        past_thinking: PastThinking::ReasoningContent,
        // An object is read as `auto`, with a warning on its own log only. llama.cpp#26535, #26849,
        // seen 2026-08.
        tool_choice: ToolChoiceForms::Words,
        // Off unless asked for. llama.cpp#14101, #15644, #15647, seen 2025-08.
        parallel_calls: ParallelCalls::WhenAsked,
        // Schemas become a grammar, which knows no `\s` and no 2000 repetitions: "Pattern must
        // start with '^' and end with '$'", "failed to parse grammar". llama.cpp#19051;
        // common/json-schema-to-grammar.cpp, MAX_REPETITION_THRESHOLD.
        schema_keywords: SchemaKeywords::WithGrammar,
        // Formats that it does not know come out as text. ik_llama.cpp#1437.
        written_calls: WrittenCalls::Parse,
        ..Self::GENERIC
    };

    const OPENAI: Self = Self {
        // `max_tokens` is deprecated, and refused by newer models. API reference, seen 2026-03.
        limit: LimitName::MaxCompletionTokens,
        // An argument that it does not list is refused: "Unrecognized request argument supplied".
        takes_top_k: false,
        // API reference, `stop`: "Up to 4 sequences".
        max_stops: Some(4),
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    const OPENAI_REASONING: Self = Self {
        // API reference, `reasoning_effort`; the default is the model's.
        thinking: ThinkingSwitch::Effort,
        // "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default
        // (1) value is supported." Guide on reasoning, seen 2026-03.
        takes_sampling: false,
        ..Self::OPENAI
    };

    const OPENROUTER: Self = Self {
        // Page "Reasoning Tokens", seen 2026-06; "Reasoning is mandatory for this endpoint and
        // cannot be disabled" for models that must think.
        thinking: ThinkingSwitch::ReasoningObject,
        // The same page, "Preserving reasoning": the plain text goes back as `reasoning`.
        past_thinking: PastThinking::Reasoning,
        // Its Messages route takes the key as clients of other providers send it.
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    const MOONSHOT: Self = Self {
        // "reasoning_content is missing in assistant tool call message": page "Use the thinking
        // model", seen 2026-07; opencode#25758.
        past_thinking: PastThinking::ReasoningContentWithCalls,
        // Page "Partial Mode", seen 2026-07.
        prefill: Prefill::PartialMark,
        // Page "Migrating from OpenAI": `required` is not supported; K3 has it. Seen 2026-08;
        // vercel/ai#19553.
        tool_choice: ToolChoiceForms::NotRequired,
        // API reference, `stop`: 5 of 32 bytes at most.
        max_stops: Some(5),
        // Page on vision: addresses are not fetched.
        pictures: Pictures::Inline(&[
            "image/jpeg",
            "image/jpg",
            "image/png",
            "image/webp",
            "image/gif",
        ]),
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    fn moonshot(name: &str) -> Self {
        let mut quirks = Self::MOONSHOT;
        // "invalid temperature: only 1 is allowed for this model": K2.5, K2.6 and K3, seen 2026-08.
        // cherry-studio#14573, nanobot#4967. The older moonshot-v1 takes any.
        quirks.takes_sampling = !name.starts_with("kimi-");
        // Only these two can be told; K2.7 refuses `disabled`, K3 does not read it. Page "Thinking
        // effort", seen 2026-08.
        if name.starts_with("kimi-k2.5") || name.starts_with("kimi-k2.6") {
            quirks.thinking = ThinkingSwitch::ThinkingType;
        }
        if name.starts_with("kimi-k3") {
            quirks.tool_choice = ToolChoiceForms::All;
        }
        quirks
    }

    const BAILIAN: Self = Self {
        // Page "Deep thinking", seen 2026-02; "parameter.enable_thinking must be set to false for
        // non-streaming calls".
        thinking: ThinkingSwitch::EnableThinking,
        // Page "Partial mode", seen 2026-02.
        prefill: Prefill::PartialMark,
        // "tool_choice is one of the strings that should be ["none", "auto"]", or an object.
        // pydantic-ai#1265; page "Function calling", seen 2026-02.
        tool_choice: ToolChoiceForms::NotRequired,
        // Page "OpenAI compatible - Chat", `parallel_tool_calls`: false by default. Seen 2026-02.
        parallel_calls: ParallelCalls::WhenAsked,
        messages_key: MessagesKey::Bearer,
        ..Self::GENERIC
    };

    fn bailian(name: &str) -> Self {
        // "The value of the enable_thinking parameter is restricted to True".
        let always_thinks = name.starts_with("qwq") || name.contains("-thinking");
        Self {
            thinking: if always_thinks {
                ThinkingSwitch::AlwaysEnableThinking
            } else {
                ThinkingSwitch::EnableThinking
            },
            ..Self::BAILIAN
        }
    }

    const MINIMAX: Self = Self {
        // Over the chat API thoughts come within the text and have to be kept there. Guide to tool
        // calling of M2.7, seen 2026-05.
        past_thinking: PastThinking::InText,
        ..Self::GENERIC
    };

    const MIMO: Self = Self {
        // Page "Deep Thinking", seen 2026-05: on by default but for the flash model.
        thinking: ThinkingSwitch::ThinkingType,
        // The same page: without it at every message with tool calls, 400 "Param Incorrect".
        // openclaw#81419.
        past_thinking: PastThinking::ReasoningContentWithCalls,
        // API reference: "auto, none, or specific tool". Seen 2026-04.
        tool_choice: ToolChoiceForms::NotRequired,
        // API reference: the limit of thinking and answer together. Seen 2026-04.
        limit: LimitName::MaxCompletionTokens,
        ..Self::GENERIC
    };

    const DEEPSEEK: Self = Self {
        // Page "Thinking Mode", seen 2026-06: on by default.
        thinking: ThinkingSwitch::ThinkingType,
        // The same page: "The reasoning_content in the thinking mode must be passed back to the
        // API", also where it is empty. opencode#24722, deepseek-harness#739.
        past_thinking: PastThinking::ReasoningContentWithCalls,
        ..Self::GENERIC
    };
}

/// Models of `OpenAI` that think whether asked to or not: o1, o3, o4, and gpt-5 with its successors,
/// but for those that are tuned for chat.
fn always_reasons(name: &str) -> bool {
    let is_o = ["o1", "o3", "o4"]
        .iter()
        .any(|family| name == *family || name.starts_with(&format!("{family}-")));
    let is_gpt_5 = name.starts_with("gpt-5") && !name.contains("-chat");
    is_o || is_gpt_5
}
