//! Token counts of a chat answer, in the forms that servers send.

use owlcoda_types::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct ChatUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    /// `DeepSeek`'s name for cached tokens.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
    /// Moonshot's name for them.
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

/// The usage, unless the value is null or holds no count.
pub(crate) fn read_usage(raw: &RawValue) -> Option<Usage> {
    let usage: ChatUsage = serde_json::from_str(raw.get()).ok()?;
    if usage.prompt_tokens.is_none() && usage.completion_tokens.is_none() {
        return None;
    }
    let prompt = usage.prompt_tokens.unwrap_or_default();
    let cached = usage
        .prompt_tokens_details
        .and_then(|details| details.cached_tokens)
        .or(usage.prompt_cache_hit_tokens)
        .or(usage.cached_tokens)
        .unwrap_or_default()
        .min(prompt);
    Some(Usage {
        input_tokens: prompt - cached,
        output_tokens: usage.completion_tokens.unwrap_or_default(),
        cache_read_tokens: cached,
        cache_write_tokens: 0,
    })
}
