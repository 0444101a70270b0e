//! Values of foreign JSON, read leniently: what is odd is passed over.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Longest word of a server that is kept, in bytes.
const MAX_WORD_BYTES: usize = 40;

/// Most tokens that a context window is believed to have; the same as in the configuration.
const MAX_TOKENS: u64 = 100_000_000;

/// Most entries of a list that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// The entries of a list, those of another shape left out.
pub(super) fn entries<'a, T: Deserialize<'a>>(list: Vec<&'a RawValue>) -> Vec<T> {
    list.into_iter()
        .take(MAX_ENTRIES)
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .collect()
}

/// A number of tokens that can be one.
pub(super) fn tokens(value: &Value) -> Option<u32> {
    let n_tokens = value.as_u64().filter(|n| (1..=MAX_TOKENS).contains(n))?;
    u32::try_from(n_tokens).ok()
}

/// A word that can be shown; `unknown` says nothing.
pub(super) fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_fit = !text.is_empty()
        && text.len() <= MAX_WORD_BYTES
        && !text.chars().any(char::is_control)
        && !text.eq_ignore_ascii_case("unknown");
    is_fit.then(|| text.to_owned())
}

/// A number of parameters as people write it: `135M`, `7.6B`.
#[expect(
    clippy::cast_precision_loss,
    reason = "one digit after the point is shown"
)]
pub(super) fn size_of(n_parameters: u64) -> Option<String> {
    let text = match n_parameters {
        0..1_000_000 => return None,
        1_000_000..1_000_000_000 => format!("{:.0}M", n_parameters as f64 / 1e6),
        _ => format!("{:.1}B", n_parameters as f64 / 1e9),
    };
    Some(text)
}

/// The quantization in the name of a model's file: `Q4_K_M` in `model-7b.Q4_K_M.gguf`.
pub(super) fn quantization_in(name: &str) -> Option<String> {
    let file = name.rsplit(['/', '\\']).next()?;
    file.split(['-', '.', ':', ' '])
        .map(str::to_ascii_uppercase)
        .filter(|part| part.len() <= MAX_WORD_BYTES)
        .rfind(|part| is_quantization(part))
}

fn is_quantization(part: &str) -> bool {
    if ["F16", "BF16", "F32", "FP16", "MXFP4"].contains(&part) {
        return true;
    }
    let rest = part.strip_prefix("IQ").or_else(|| part.strip_prefix('Q'));
    rest.is_some_and(|rest| {
        let mut bytes = rest.bytes();
        bytes
            .next()
            .is_some_and(|byte| (b'1'..=b'8').contains(&byte))
            && bytes.next() == Some(b'_')
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_can_be_a_window_is_one() {
        for (value, expected) in [
            (json!(32_768), Some(32_768)),
            (json!(0), None),
            (json!(-1), None),
            (json!(5_000_000_000_u64), None),
            (json!("8192"), None),
            (json!(null), None),
        ] {
            assert_eq!(tokens(&value), expected, "{value}");
        }
    }

    #[test]
    fn words_are_short_and_can_be_shown() {
        for (value, expected) in [
            (json!(" Q4_K_M "), Some("Q4_K_M")),
            (json!(""), None),
            (json!("unknown"), None),
            (json!("a\u{1b}[31m"), None),
            (json!("x".repeat(41)), None),
            (json!(4), None),
        ] {
            assert_eq!(word(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        let cases = [
            (134_515_008, Some("135M")),
            (7_615_616_512, Some("7.6B")),
            (1_000, None),
        ];
        for (n, expected) in cases {
            assert_eq!(size_of(n).as_deref(), expected, "{n}");
        }
    }

    #[test]
    fn a_file_s_name_tells_its_quantization() {
        let cases = [
            ("/m/SmolLM2-135M-Instruct.Q4_1.gguf", Some("Q4_1")),
            ("qwen2.5-coder-7b-instruct-q4_k_m.gguf", Some("Q4_K_M")),
            ("x-IQ2_XXS-00001-of-00003.gguf", Some("IQ2_XXS")),
            ("gpt-oss-20b-mxfp4.gguf", Some("MXFP4")),
            ("C:\\models\\a.BF16.gguf", Some("BF16")),
            ("Qwen3-8B.gguf", None),
            ("Q9_x", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(quantization_in(name).as_deref(), expected, "{name}");
        }
    }
}
