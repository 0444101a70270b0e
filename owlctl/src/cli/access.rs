//! Arguments of the verbs about who may use the daemon, and who does.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::TEMPLATE;
use crate::quantity;

/// Lists the clients that watch a conversation, or makes one stop
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl clients             every terminal that is attached
  owlctl clients detach 3    its conversation goes on"
)]
pub(crate) struct ClientsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<ClientsVerb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsVerb {
    /// Lists them, as without a word
    List,
    /// Makes one stop; the conversation itself goes on
    Detach {
        /// Number of the client, from the list
        #[arg(value_name = "ID")]
        id: u64,
    },
}

/// Shows the token of the HTTP API, or puts a new one in its place
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, arg_required_else_help = true)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) verb: TokenVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    Show(ShowTokenArgs),
    Rotate(RotateTokenArgs),
}

/// Prints the token that opens the HTTP API, and nothing else
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  export ANTHROPIC_API_KEY=$(owlctl token show)
  curl -H \"x-api-key: $(owlctl token show)\" http://127.0.0.1:8019/v1/models"
)]
pub(crate) struct ShowTokenArgs {}

/// Makes a new token and prints it; the one before it opens for a while longer
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl token rotate
  owlctl token rotate --grace 0s      the one before it is worth nothing at once"
)]
pub(crate) struct RotateTokenArgs {
    /// How long the one before it still opens, at most a day
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = quantity::parse_grace)]
    pub(crate) grace: Duration,
}
