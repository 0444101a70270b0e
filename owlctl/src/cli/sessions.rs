//! Arguments of `owlctl sessions`.

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// Lists the conversations, newest first, or shows one
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    before_help = "Examples:
  owlctl sessions            go on with one: owl-repl --resume ID
  owlctl sessions show last
  owlctl sessions export last > conversation.json"
)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<SessionsVerb>,
    #[command(flatten)]
    pub(crate) list: ListSessionsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListSessionsArgs {
    /// At most this many conversations
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsVerb {
    /// Lists them, as without a word
    List(ListSessionsArgs),
    /// Prints what was said
    Show {
        /// Id of the conversation, or `last`
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Prints everything that happened as one JSON object
    Export {
        /// Id of the conversation, or `last`
        #[arg(value_name = "ID")]
        id: String,
    },
}
