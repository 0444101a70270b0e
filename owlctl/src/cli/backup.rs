//! Arguments of `owlctl backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// Copies what the daemon keeps into an archive, or checks one
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, arg_required_else_help = true)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    pub(crate) verb: BackupVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    Create(CreateArgs),
    Verify(VerifyArgs),
}

/// Makes an archive of the audit and of all conversations, while the daemon serves
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl backup create
  owlctl backup create --out /backup/owlcoda.zst --force
  owlcodad storage restore FILE      what brings it back, once the daemon is stopped"
)]
pub(crate) struct CreateArgs {
    /// File to make [default: `owlcoda-backup-` and the time, in the working directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Checks every line of an archive; needs no daemon
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl backup verify owlcoda-backup-20261126-080000.zst"
)]
pub(crate) struct VerifyArgs {
    /// The archive
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
