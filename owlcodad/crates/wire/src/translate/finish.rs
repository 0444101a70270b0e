//! Why a chat answer ends, in the words of the Messages API.

use owlcoda_types::ErrorCode;

use super::error::StreamFault;
use crate::anthropic::StopReason;

/// What a chat `finish_reason` is called in the Messages API, calls aside.
pub(super) fn stop_reason_of(finish_reason: &str) -> StopReason {
    match finish_reason {
        "tool_calls" | "function_call" | "tool_use" => StopReason::ToolUse,
        "length" | "max_tokens" | "model_length" => StopReason::MaxTokens,
        "content_filter" | "refusal" | "safety" | "sensitive" => StopReason::Refusal,
        "stop_sequence" => StopReason::StopSequence,
        "model_context_window_exceeded" => StopReason::ModelContextWindowExceeded,
        _ => StopReason::EndTurn,
    }
}

/// An error if a `finish_reason` says that the answer failed.
pub(super) fn check_finish(finish_reason: &str) -> Result<(), StreamFault> {
    if is_failure(finish_reason) {
        return Err(StreamFault::Upstream {
            code: ErrorCode::Unavailable,
            message: "the model server gave the answer up".to_owned(),
        });
    }
    Ok(())
}

/// Whether a `finish_reason` says that the answer failed.
pub(super) fn is_failure(finish_reason: &str) -> bool {
    matches!(
        finish_reason,
        "error" | "abort" | "cancelled" | "insufficient_system_resource" | "network_error"
    )
}
