//! How many tokens a model takes, where neither the configuration nor its server says so: by its
//! family's name. Pure.
//!
//! A row is here only where the maker says so of the whole family; a model that no row fits has an
//! unknown window, which is better than a wrong one.

/// Where a model's context window is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextSource {
    /// It is not known.
    #[default]
    Unknown,
    /// The configuration states it.
    Configured,
    /// Its server told it.
    Probed,
    /// Its family has it.
    Family,
}

impl ContextSource {
    /// For people and for the control API; empty where nothing is known.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Configured => "configured",
            Self::Probed => "probed",
            Self::Family => "family",
        }
    }
}

/// Families with their windows in tokens; the first row that fits holds. `-` and `_` of a name do not
/// count, so that `llama-3.1` is `llama3.1`.
const FAMILIES: &[(&str, u32)] = &[
    // Whoever is distilled into another model has that one's window.
    ("deepseek-r1-distill", 131_072),
    ("minimax-m2.7", 204_800),
    ("minimax-m2.5", 204_800),
    ("minimax-m2.1", 204_800),
    ("minimax-m2", 204_800),
    ("kimi-k2.5", 256_000),
    ("kimi-k2", 256_000),
    ("kimi-code", 256_000),
    ("kimi-for-coding", 256_000),
    ("moonshot-v1-8k", 8_192),
    ("moonshot-v1-32k", 32_768),
    ("moonshot-v1-128k", 131_072),
    ("gpt-oss", 131_072),
    ("mistral-large", 131_072),
    ("mistral-small", 131_072),
    ("mistral-small3.1", 131_072),
    ("mistral-small3.2", 131_072),
    ("mistral-nemo", 131_072),
    ("devstral", 131_072),
    ("mixtral-8x22b", 65_536),
    ("mixtral", 32_768),
    ("codestral", 32_768),
    ("nemotron", 131_072),
    ("qwen3-coder", 262_144),
    ("qwen3-next", 262_144),
    ("qwen3", 40_960),
    ("qwen2.5-coder", 32_768),
    ("qwen2.5", 32_768),
    ("llama-3.3", 131_072),
    ("llama-3.2", 131_072),
    ("llama-3.1", 131_072),
    ("llama-3", 8_192),
    ("llama-2", 4_096),
    ("gemma-3-1b", 32_768),
    ("gemma-3:1b", 32_768),
    ("gemma-3-270m", 32_768),
    ("gemma-3:270m", 32_768),
    ("gemma-3n", 32_768),
    ("gemma-3", 131_072),
    ("gemma-2", 8_192),
    ("phi-4-mini", 131_072),
    ("phi-4-reasoning", 32_768),
    ("phi-4", 16_384),
    ("smollm2", 8_192),
    ("glm-4.5", 131_072),
    ("deepseek-v3", 131_072),
    ("deepseek-r1", 131_072),
    ("deepseek-chat", 131_072),
    ("deepseek-reasoner", 131_072),
    ("claude-3", 200_000),
    ("claude-3.5", 200_000),
    ("claude-3.7", 200_000),
    ("claude-opus-4", 200_000),
    ("claude-sonnet-4", 200_000),
    ("claude-haiku-4", 200_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4o", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-3.5-turbo", 16_385),
    ("gpt-5", 400_000),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4-mini", 200_000),
];

/// Longest name that is looked at, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// The window of the family that `name` belongs to, in tokens; a server's name for a model, such as
/// `qwen2.5-coder:7b` or `Qwen/Qwen3-8B`. None where no family is known.
pub fn context_window_of(name: &str) -> Option<u32> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let row = FAMILIES.iter().find(|(family, _)| names(&name, family));
    row.map(|(_, n_tokens)| *n_tokens)
}

/// Whether `family` is a word of `name`: what is before and after it belongs to another word.
fn names(name: &str, family: &str) -> bool {
    let bytes = name.as_bytes();
    (0..bytes.len()).any(|start| {
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        let is_start = before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
        is_start && bytes.get(start..).is_some_and(|rest| begins(rest, family))
    })
}

/// Whether `rest` begins with `family` and goes on with another word.
fn begins(rest: &[u8], family: &str) -> bool {
    let is_counted = |byte: &&u8| !matches!(byte, b'-' | b'_');
    let mut given = rest.iter();
    for want in family.as_bytes().iter().filter(is_counted) {
        let Some(got) = given.by_ref().find(is_counted) else {
            return false;
        };
        if want != got {
            return false;
        }
    }
    // A version goes on: `qwen3.5` is no `qwen3`, and `v3.1` of a family is another one.
    given
        .next()
        .is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_known_by_every_way_to_write_it() {
        let cases = [
            ("qwen2.5-coder:7b", Some(32_768)),
            ("Qwen/Qwen3-8B", Some(40_960)),
            ("qwen3:14b-q4_K_M", Some(40_960)),
            ("qwen3-coder-30b-a3b-instruct", Some(262_144)),
            ("llama3.1:8b", Some(131_072)),
            ("meta-llama/Llama-3.1-8B-Instruct", Some(131_072)),
            ("meta-llama-3.1-8b-instruct", Some(131_072)),
            ("Meta-Llama-3-8B-Instruct", Some(8_192)),
            ("llama3", Some(8_192)),
            ("DeepSeek-R1-Distill-Llama-8B", Some(131_072)),
            ("gpt-oss:20b", Some(131_072)),
            ("openai/gpt-oss-120b", Some(131_072)),
            ("mistral-small3.2:24b", Some(131_072)),
            ("minimax-m2.7", Some(204_800)),
            ("kimi-k2-0905-preview", Some(256_000)),
            ("moonshot-v1-128k", Some(131_072)),
            ("gemma3:1b", Some(32_768)),
            ("gemma3:27b", Some(131_072)),
            ("google/gemma-3n-e4b", Some(32_768)),
            ("SmolLM2-135M-Instruct.Q4_1.gguf", Some(8_192)),
            ("claude-sonnet-4-5-20250929", Some(200_000)),
            ("gpt-4o-mini", Some(128_000)),
            ("o3-mini", Some(200_000)),
        ];
        for (name, expected) in cases {
            assert_eq!(context_window_of(name), expected, "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_a_family_has_an_unknown_window() {
        for name in [
            "",
            "qwen3.5:9b",
            "qwen35",
            "myqwen3",
            "llama3.4",
            "codellama:13b",
            "foo3",
            "gpt-4",
            "repo1",
            "nomic-embed-text",
            &"qwen3 ".repeat(100),
        ] {
            assert_eq!(context_window_of(name), None, "{name}");
        }
    }

    #[test]
    fn every_row_can_be_reached() {
        for (family, n_tokens) in FAMILIES {
            assert_eq!(context_window_of(family), Some(*n_tokens), "{family}");
        }
    }
}
