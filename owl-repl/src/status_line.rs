//! What is said of a turn when it is over.

use owlcoda_proto::printable;
use owlcoda_proto::v1::{TurnCompleted, TurnStatus};

/// One line for a turn that just ended: `[qwen · in 12 · out 34 tokens · 1.2s]`, or why there is no
/// whole answer.
pub(crate) fn status_line(turn: &TurnCompleted) -> String {
    let usage = turn.usage.unwrap_or_default();
    // The protocol's input counts are disjoint; people ask how large the prompt was.
    let n_in = usage
        .input_tokens
        .saturating_add(usage.cache_read_tokens)
        .saturating_add(usage.cache_write_tokens);
    let tokens = format!("in {n_in} · out {} tokens", usage.output_tokens);
    let time = seconds(turn.elapsed_ms);
    let model = printable(&turn.model_used);
    let parts = match turn.status() {
        TurnStatus::Failed => [failure(turn), time].to_vec(),
        _ => [
            shortfall(turn).unwrap_or_default().to_owned(),
            model.into_owned(),
            tokens,
            time,
        ]
        .to_vec(),
    };
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("[{}]", parts.join(" · "))
}

/// Why an answer is less than was asked for; nothing where it is whole.
pub(crate) fn shortfall(turn: &TurnCompleted) -> Option<&'static str> {
    match turn.status() {
        TurnStatus::Completed => None,
        TurnStatus::Truncated => Some("cut at the model's token limit"),
        TurnStatus::Interrupted => Some("interrupted"),
        TurnStatus::Failed => Some("failed"),
        TurnStatus::Refused => Some("the model refused to answer"),
        TurnStatus::Lost => Some("the daemon ended during this answer"),
        TurnStatus::Unspecified => Some("ended in a way that this version does not know"),
    }
}

/// The daemon's own words for a failed turn.
pub(crate) fn failure(turn: &TurnCompleted) -> String {
    let message = printable(&turn.error_message);
    match (message.as_ref(), turn.error_code.as_str()) {
        ("", "") => "failed".to_owned(),
        ("", code) => format!("failed: {}", printable(code)),
        (message, _) => format!("failed: {message}"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{}s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;

    fn turn(status: TurnStatus) -> TurnCompleted {
        TurnCompleted {
            status: status.into(),
            usage: Some(Usage {
                input_tokens: 10,
                output_tokens: 34,
                cache_read_tokens: 2,
                cache_write_tokens: 0,
            }),
            model_used: "qwen\u{1b}[31m".to_owned(),
            elapsed_ms: 1_250,
            ..TurnCompleted::default()
        }
    }

    #[test]
    fn a_turn_s_line_names_model_tokens_and_time_and_what_is_missing() {
        for (status, line) in [
            (
                TurnStatus::Completed,
                "[qwen [31m · in 12 · out 34 tokens · 1.2s]",
            ),
            (
                TurnStatus::Truncated,
                "[cut at the model's token limit · qwen [31m · in 12 · out 34 tokens · 1.2s]",
            ),
            (
                TurnStatus::Interrupted,
                "[interrupted · qwen [31m · in 12 · out 34 tokens · 1.2s]",
            ),
        ] {
            assert_eq!(status_line(&turn(status)), line);
        }
    }

    #[test]
    fn a_failed_turn_says_why() {
        let failed = TurnCompleted {
            error_code: "unavailable".to_owned(),
            error_message: "could not connect to `ollama`".to_owned(),
            ..turn(TurnStatus::Failed)
        };
        assert_eq!(
            status_line(&failed),
            "[failed: could not connect to `ollama` · 1.2s]"
        );
        let silent = TurnCompleted {
            error_message: String::new(),
            ..failed
        };
        assert_eq!(failure(&silent), "failed: unavailable");
    }
}
