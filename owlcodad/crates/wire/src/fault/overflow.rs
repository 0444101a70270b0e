//! Recognises, in the words of many model servers, that a prompt is too long.
//!
//! Clients recover from one sentence only (they compact the conversation when a
//! 400 begins with `prompt is too long`), so every dialect is put into it.

/// What a client is told, if the error is about the context window.
pub(super) fn describe(error: &Description<'_>) -> Option<String> {
    let text = error.message.to_ascii_lowercase();
    let by_code = CODES.iter().any(|code| error.codes.contains(code));
    if !by_code && !PHRASES.iter().any(|phrase| text.contains(phrase)) {
        return None;
    }
    if let (Some(prompt), Some(limit)) = (error.prompt_tokens, error.limit_tokens) {
        return Some(too_long(prompt, limit));
    }
    Some(from_numbers(&text))
}

/// What is known of an error.
#[derive(Debug, Default)]
pub(super) struct Description<'a> {
    pub(super) message: &'a str,
    /// Its `code` and `type`, as text.
    pub(super) codes: Vec<&'a str>,
    /// llama.cpp: `n_prompt_tokens`.
    pub(super) prompt_tokens: Option<u64>,
    /// llama.cpp: `n_ctx`.
    pub(super) limit_tokens: Option<u64>,
}

const CODES: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "context_window_exceeded",
    "model_context_window_exceeded",
    "2013",
];

const PHRASES: &[&str] = &[
    "maximum context length",
    "context size (",
    "available context size",
    "context the overflows",
    "context overflow",
    "context window exceeds",
    "exceeds the context",
    "exceeds context",
    "exceed context",
    "exceeds the model's context",
    "longer than the model's context",
    "greater than the context length",
    "exceeds maximum context",
    "exceeded model token limit",
    "maximum number of tokens allowed",
    "prompt is too long",
    "input is too long",
    "too large for model with",
    "input length and `max_tokens` exceed",
    "reduce the length of the messages",
];

fn too_long(prompt: u64, limit: u64) -> String {
    format!("prompt is too long: {prompt} tokens > {limit} maximum")
}

/// Reads the counts out of a sentence.
fn from_numbers(text: &str) -> String {
    let numbers = numbers(text);
    let limit = LIMIT_BEFORE
        .iter()
        .find_map(|words| number_after(text, &numbers, words))
        .or_else(|| {
            LIMIT_AFTER
                .iter()
                .find_map(|words| number_before(text, &numbers, words))
        });
    let input = INPUT_AFTER
        .iter()
        .find_map(|words| number_before(text, &numbers, words));
    let largest = numbers.iter().map(|number| number.value).max();
    let smallest = numbers.iter().map(|number| number.value).min();
    let limit = limit.or(if numbers.len() >= 2 { smallest } else { None });
    match (limit, input, largest) {
        // The prompt alone would fit: it is the room asked for the answer that does not.
        (Some(limit), Some(input), _) if input <= limit => {
            let answer = ANSWER_AFTER
                .iter()
                .find_map(|words| number_before(text, &numbers, words))
                .or_else(|| number_after(text, &numbers, "is too large: "));
            match answer {
                Some(answer) => format!(
                    "input length and `max_tokens` exceed context limit: {input} + {answer} > \
                     {limit}, decrease input length or `max_tokens` and try again"
                ),
                None => format!(
                    "input length and `max_tokens` exceed context limit: {input} tokens of \
                     {limit} are the prompt, decrease `max_tokens` and try again"
                ),
            }
        }
        (Some(limit), Some(input), _) => too_long(input, limit),
        (Some(limit), None, Some(largest)) if largest > limit => too_long(largest, limit),
        (Some(limit), None, _) => {
            format!("prompt is too long: it exceeds the model's {limit} tokens maximum")
        }
        (None, ..) => "prompt is too long: it exceeds the model's context window".to_owned(),
    }
}

const LIMIT_BEFORE: &[&str] = &[
    "maximum context length is ",
    "maximum context length of ",
    "available context size (",
    "context length of only ",
    "model's context length (",
    "context limit: ",
    "token limit: ",
    "number of tokens allowed (",
];

const LIMIT_AFTER: &[&str] = &[" maximum"];

const INPUT_AFTER: &[&str] = &[
    " in the messages",
    " tokens from the input",
    " input tokens",
    " tokens from the prompt",
    " of text input",
];

const ANSWER_AFTER: &[&str] = &[
    " in the completion",
    " tokens for the completion",
    " output tokens",
];

struct Number {
    start: usize,
    end: usize,
    value: u64,
}

/// Every whole number, in order; a comma between digits belongs to it.
fn numbers(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut current: Option<Number> = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, &mut current) {
            (b'0'..=b'9', Some(number)) => {
                number.value = number
                    .value
                    .saturating_mul(10)
                    .saturating_add(u64::from(byte - b'0'));
                number.end = at + 1;
            }
            (b'0'..=b'9', None) => {
                current = Some(Number {
                    start: at,
                    end: at + 1,
                    value: u64::from(byte - b'0'),
                });
            }
            (b',', Some(number)) if number.end == at => {}
            _ => found.extend(current.take()),
        }
    }
    found.extend(current);
    found
}

fn number_after(text: &str, numbers: &[Number], words: &str) -> Option<u64> {
    let end = text.find(words)? + words.len();
    let number = numbers.iter().find(|number| number.start >= end)?;
    (number.start == end).then_some(number.value)
}

fn number_before(text: &str, numbers: &[Number], words: &str) -> Option<u64> {
    let start = text.find(words)?;
    let number = numbers.iter().rfind(|number| number.end <= start)?;
    (number.end == start).then_some(number.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_of_a_full_context_becomes_one_sentence() {
        let cases = [
            (
                "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
                "prompt is too long: 5000 tokens > 4096 maximum",
            ),
            (
                "request (9,001 tokens) exceeds the available context size (8192 tokens), try increasing it",
                "prompt is too long: 9001 tokens > 8192 maximum",
            ),
            (
                "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
                "prompt is too long: 5000 tokens > 4096 maximum",
            ),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                "prompt is too long: 1200000 tokens > 1048576 maximum",
            ),
            (
                "prompt is too long: 210000 tokens > 200000 maximum",
                "prompt is too long: 210000 tokens > 200000 maximum",
            ),
            (
                "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
                "prompt is too long: 5000 tokens > 4096 maximum",
            ),
            (
                "Invalid request: Your request exceeded model token limit: 262144",
                "prompt is too long: it exceeds the model's 262144 tokens maximum",
            ),
            (
                "input length exceeds maximum context length",
                "prompt is too long: it exceeds the model's context window",
            ),
        ];
        for (message, told) in cases {
            let error = Description {
                message,
                ..Description::default()
            };
            assert_eq!(describe(&error).as_deref(), Some(told), "{message}");
        }
    }

    #[test]
    fn a_prompt_that_fits_but_for_max_tokens_says_so() {
        let cases = [
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the messages, 4000 in the completion).",
            "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length is 4096 tokens and your request has 1000 input tokens (4000 > 4096 - 1000).",
        ];
        for message in cases {
            let error = Description {
                message,
                ..Description::default()
            };
            let told = describe(&error).unwrap();
            assert!(
                told.starts_with(
                    "input length and `max_tokens` exceed context limit: 1000 + 4000 > 4096"
                ),
                "{told}"
            );
        }
    }

    #[test]
    fn other_errors_are_not_taken_for_it() {
        for message in [
            "max_tokens must be at least 1",
            "rate limit: 5000 tokens per minute",
        ] {
            let error = Description {
                message,
                ..Description::default()
            };
            assert_eq!(describe(&error), None, "{message}");
        }
    }
}
