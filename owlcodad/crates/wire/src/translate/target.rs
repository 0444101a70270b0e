//! What is known of the model server that a request is translated for.

use crate::quirks::Quirks;

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
    /// How it wants to be asked.
    pub quirks: Quirks,
}
