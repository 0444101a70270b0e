//! Arguments of `owlctl service`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::TEMPLATE;

/// Installs the daemon as a service: the files of systemd or launchd, for you or for the machine
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl service install             for you alone, under systemd
  owlctl service install --print     what would be written, and where
  sudo owlctl service install --system
  owlctl service status"
)]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    pub(crate) verb: ServiceVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceVerb {
    Install(InstallArgs),
    Uninstall(UninstallArgs),
    Status(ServiceStatusArgs),
}

/// Which service is meant.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("kind").multiple(false))]
pub(crate) struct KindArgs {
    /// Yours alone, under systemd; the default
    #[arg(long, group = "kind")]
    pub(crate) user: bool,
    /// The machine's, under systemd: no tools, shut in, for the groups owlcoda and owlcoda-admin
    #[arg(long, group = "kind")]
    pub(crate) system: bool,
    /// Yours alone, under launchd of macOS
    #[arg(long, group = "kind")]
    pub(crate) launchd: bool,
    /// Directory that stands for `/`, such as that of a package or an image
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/",
        hide_default_value = true
    )]
    pub(crate) root: PathBuf,
}

/// Writes the files of the service, and says how to start it; files that were edited stay
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl service install
  owlctl service install --system --print"
)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) kind: KindArgs,
    /// Print the files instead of writing them
    #[arg(long)]
    pub(crate) print: bool,
    /// Replace files that were edited
    #[arg(long)]
    pub(crate) force: bool,
}

/// Removes the files of the service; those that were edited stay
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  systemctl --user disable --now owlcodad.service owlcodad.socket
  owlctl service uninstall"
)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    pub(crate) kind: KindArgs,
    /// Remove files that were edited, too
    #[arg(long)]
    pub(crate) force: bool,
}

/// Tells of each file whether it is there, and whether it was edited
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl service status
  owlctl --json service status --system"
)]
pub(crate) struct ServiceStatusArgs {
    #[command(flatten)]
    pub(crate) kind: KindArgs,
}
