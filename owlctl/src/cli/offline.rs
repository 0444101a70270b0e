//! Arguments of the verbs that need no running daemon; `owlcodad` has the same ones.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::TEMPLATE;
use super::config::LiveConfigVerb;

/// What the daemon's program does without serving.
#[derive(Debug, Subcommand)]
pub(crate) enum OfflineVerb {
    Init(InitArgs),
    Validate(ValidateArgs),
    Doctor(DoctorArgs),
    Config(ConfigArgs),
}

/// Writes a configuration from what the model servers of this machine list
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl init                what answers on the usual ports
  owlctl init --endpoint http://192.0.2.7:8000 --force"
)]
pub(crate) struct InitArgs {
    /// Model server to ask, instead of those on the usual ports; may be given several times
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Vec<String>,
    /// Replace a file that exists; it is kept beside the new one
    #[arg(long)]
    pub(crate) force: bool,
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Tells everything that is wrong with the configuration, each with its line and code
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl validate            exit status 78 where it is not valid
  owlctl validate ./config.json
  owlctl --json validate | jq -r '.problems[].code'"
)]
pub(crate) struct ValidateArgs {
    /// File to look at [default: the one that the daemon would read]
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,
    /// The same, as the other verbs have it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Looks at everything that serving depends on, and tells what mends it
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl doctor              exit status 1 where something does not work
  owlctl doctor --fix        mends modes of its files, and a socket that was left behind
  owlctl doctor --bundle owl.tar     for whoever helps; no keys, prompts or answers are in it
  owlctl --json doctor | jq '.checks[] | select(.state != \"ok\")'"
)]
pub(crate) struct DoctorArgs {
    /// Mend what can be mended without a question
    #[arg(long)]
    pub(crate) fix: bool,
    /// Write a tar file with checks, configuration without keys, the end of the log and crashes
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Shows, compares, rolls back, exports or rewrites the configuration
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config show         what a start would take, from the files
  owlctl config get port     what is in force in the daemon
  owlctl config diff         what the files say otherwise
  owlctl config rollback     back to what was in force before",
    arg_required_else_help = true
)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    Show(ShowArgs),
    #[command(flatten)]
    Live(LiveConfigVerb),
    Export(ExportArgs),
    Migrate(MigrateArgs),
    Schema(SchemaArgs),
}

/// Prints every value that a start would take and what it comes from; keys are never shown
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config show
  owlctl --json config show | jq '.settings[] | select(.source.kind != \"default\")'"
)]
pub(crate) struct ShowArgs {
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Prints a configuration that another machine can use, without keys
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config export > config.json
  owlctl config export --format env      the variables that it needs"
)]
pub(crate) struct ExportArgs {
    /// What to print: a file for the other machine, variables for a shell, or what is in it
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: ExportFormat,
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Env,
    Text,
}

impl ExportFormat {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Env => "env",
            Self::Text => "text",
        }
    }
}

/// Prints the JSON Schema of the configuration's file, for editors
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config schema > config.schema.json      then \"$schema\": \"./config.schema.json\" in the file"
)]
pub(crate) struct SchemaArgs {}

/// Rewrites a file of an older version in the form of today; the old one is kept beside it
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl config migrate --dry-run
  owlctl config migrate"
)]
pub(crate) struct MigrateArgs {
    /// Say what would change, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
