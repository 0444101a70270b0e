//! Arguments of `owlctl sessions`.

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// Lists the conversations, newest first, shows one, or deletes some
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    before_help = "Examples:
  owlctl sessions            go on with one: owl-repl --resume ID
  owlctl sessions show last
  owlctl sessions export last > conversation.json
  owlctl sessions delete ID ID    for good; asks first"
)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<SessionsVerb>,
    #[command(flatten)]
    pub(crate) list: ListSessionsArgs,
}

impl SessionsArgs {
    /// Whether a person is asked something.
    pub(crate) const fn asks(&self) -> bool {
        matches!(&self.verb, Some(SessionsVerb::Delete(args)) if !args.yes)
    }
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
    Delete(DeleteSessionsArgs),
}

/// Deletes conversations for good, with everything that was said in them; the audit stays
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl sessions delete last
  owlctl sessions delete --yes ID ID     exit status 3 where not all could be
  owlctl --json sessions | jq -r '.sessions[].id' | xargs owlctl sessions delete --yes"
)]
pub(crate) struct DeleteSessionsArgs {
    /// Ids of conversations, or `last`; one with a turn that runs, or that is watched, stays
    #[arg(value_name = "ID", required = true, num_args = 1..=1000)]
    pub(crate) ids: Vec<String>,
    /// Do not ask; where there is no terminal to ask at, nothing is deleted without it
    #[arg(short, long)]
    pub(crate) yes: bool,
}
