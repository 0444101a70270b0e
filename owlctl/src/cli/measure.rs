//! Arguments of the verbs that measure models and show what goes on.

use clap::Args;

use super::TEMPLATE;

/// Shows what goes on: calls under way, models, the latest calls; on a terminal until Ctrl-C
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl top                 in a pipe it is shown once"
)]
pub(crate) struct TopArgs {}

/// Measures models: time to the first token, total time, tokens a second
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl benchmark           every model, three calls each, one after the other
  owlctl benchmark fast balanced --runs 5 --max-tokens 256
  owlctl benchmark -o json | jq '.models[] | {model_id, tokens_per_sec}'"
)]
pub(crate) struct BenchmarkArgs {
    /// Models by id or another name [default: all]
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// Calls of each model
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Most tokens of an answer
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) max_tokens: u32,
    /// What the models are told
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Write a short story about an owl that guards a library."
    )]
    pub(crate) prompt: String,
}
