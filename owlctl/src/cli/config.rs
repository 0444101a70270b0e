//! Arguments of the verbs of `owlctl config` that ask the daemon.

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// What a daemon that runs knows of its configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum LiveConfigVerb {
    Get(GetArgs),
    Diff(DiffArgs),
    Status(ConfigStatusArgs),
    Rollback(RollbackArgs),
}

/// Prints a value that is in force in the daemon, or all below a key; keys of providers are never shown
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config get port
  owlctl config get server            every key of the group
  owlctl config get 'models[small]'   a model, by its name or as models[0]
  owlctl --json config get | jq '.settings[] | select(.source.kind == \"file\")'"
)]
pub(crate) struct GetArgs {
    /// A key or a group of them; all where none is named. Exit status 1 where it has no value
    #[arg(value_name = "KEY", default_value = "", hide_default_value = true)]
    pub(crate) key: String,
}

/// Holds the files on disk against what is in force: exit status 0 alike, 1 not, 78 not valid
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config diff                  what `owlctl reload` would change, or a restart
  owlctl config diff && echo 'nothing waits'"
)]
pub(crate) struct DiffArgs {}

/// Shows how the configuration stands: generation, files, what waits for a restart, what was rejected
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config status
  owlctl --json config status | jq '.pending_restart'"
)]
pub(crate) struct ConfigStatusArgs {}

/// Puts the generation before the one in force in force again, in the daemon alone
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config rollback              the file stays: correct it, or its next change is in force
  owlctl config diff                  what the file says otherwise from then on"
)]
pub(crate) struct RollbackArgs {}
