//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use owlcoda_config::EndpointUrl;

/// The daemon in front of every model a developer has.
#[derive(Debug, Parser)]
#[command(name = "owlcodad", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 ended as asked, 1 failed, 2 wrong arguments, 3 ended but had to cut running calls, \
75 another daemon or program is in the way, 78 the configuration or the data directory is not \
usable, 85 to be started again by the service manager, 130 or 143 ended at once by a second signal.";

const INIT_STATUS: &str = "\
Exit status: 0 written, 1 nothing was written, because the file exists or no model server \
answered, 2 wrong arguments, 78 the data directory is not usable.";

const VALIDATE_STATUS: &str = "\
Exit status: 0 valid, perhaps with warnings, 2 wrong arguments, 78 not valid.";

const DOCTOR_STATUS: &str = "\
Exit status: 0 everything works, perhaps with warnings, 1 something does not, 2 wrong arguments.";

const CONFIG_STATUS: &str = "\
Exit status: 0 done, 1 the file could not be written, 2 wrong arguments, 78 the configuration is \
not valid.";

const SERVE_STATUS: &str = "\
Exit status of --dry-run: 0 a start would serve, 1 something is in the way, 78 the configuration \
is not valid.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run in the foreground until SIGTERM or SIGINT; a second signal ends it at once.
    #[command(after_help = SERVE_STATUS)]
    Serve(ServeArgs),
    /// Ask the model servers of this machine for their models, and write a configuration with them.
    #[command(after_help = INIT_STATUS)]
    Init(InitArgs),
    /// Tell everything that is wrong with the configuration, each with its line and code.
    #[command(after_help = VALIDATE_STATUS)]
    Validate(ValidateArgs),
    /// Look at everything that serving depends on, and tell what mends it.
    #[command(after_help = DOCTOR_STATUS)]
    Doctor(DoctorArgs),
    /// Show, export or rewrite the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Verify, repair, export or restore the store while no daemon runs.
    Storage(crate::storage::StorageArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value in force and what it comes from; keys are never shown.
    #[command(after_help = CONFIG_STATUS)]
    Show(ShowArgs),
    /// Print a configuration that another machine can use, without keys.
    #[command(after_help = CONFIG_STATUS)]
    Export(ExportArgs),
    /// Rewrite a file of an older version in the form of today; the old one is kept beside it.
    #[command(after_help = CONFIG_STATUS)]
    Migrate(MigrateArgs),
    /// Print the JSON Schema of the file, for editors.
    Schema,
}

/// Where the files are.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlaceArgs {
    /// Configuration file. Default: config.json in the home, where there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    // The help is for a terminal, so it is no Markdown.
    #[expect(clippy::doc_markdown, reason = "shown as it is")]
    /// Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda.
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Control socket. Default: run/control.sock in the home.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,

    /// Leave the terminal: an own session, and log lines only in the log file [default:
    /// log/owlcodad.log in the home]. `owlctl start` does it so.
    #[arg(long)]
    pub(crate) detach: bool,

    /// Serve as a service of the machine: files in /var/lib/owlcoda and /etc/owlcoda, control socket in
    /// /run/owlcoda, open to the groups owlcoda (look) and owlcoda-admin.
    #[arg(long)]
    pub(crate) system: bool,

    /// Check the configuration, the port and the machine, and end.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object instead of text; with --dry-run.
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
}

impl ServeArgs {
    /// The same with the places of a service of the machine, where it is to be one; what was named
    /// stays.
    pub(crate) fn resolved(&self) -> Self {
        let mut args = self.clone();
        if args.system {
            args.place.home.get_or_insert_with(|| SYSTEM_HOME.into());
            args.socket
                .get_or_insert_with(|| owlcoda_proto::SYSTEM_SOCKET.into());
            let config = PathBuf::from(SYSTEM_CONFIG);
            if args.place.config.is_none() && config.exists() {
                args.place.config = Some(config);
            }
        }
        args
    }
}

/// Data directory of a service of the machine.
const SYSTEM_HOME: &str = "/var/lib/owlcoda";

/// Its configuration, where there is one.
const SYSTEM_CONFIG: &str = "/etc/owlcoda/config.json";

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// Model server to ask, instead of those on the usual ports; may be given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Vec<EndpointUrl>,

    /// Replace a file that exists; it is kept beside the new one.
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    /// File to look at. Default: the one that the daemon would read.
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Control socket. Default: run/control.sock in the home.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,

    /// Mend what can be mended without a question: modes of our own files, a socket left behind.
    #[arg(long)]
    pub(crate) fix: bool,

    /// Write a tar file for whoever helps: checks, configuration without keys, end of the log, crashes.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// What to print: a file for the other machine, variables for a shell, or what is in it.
    #[arg(long, value_enum, default_value = "json", conflicts_with = "json")]
    pub(crate) format: ExportFormat,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Print one JSON object with the configuration, the variables that it needs and what is left out.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Env,
    Text,
}

#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// Say what would change, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap_complete::{Shell, generate};
    use expect_test::expect_file;

    use super::*;

    /// After a change: `UPDATE_EXPECT=1 cargo test -p owlcodad packaged` writes them anew.
    #[test]
    fn the_packaged_manual_and_completions_say_what_the_help_says() {
        let mut page = Vec::new();
        let mut program = Cli::command();
        program.build();
        clap_mangen::Man::new(program.clone())
            .render(&mut page)
            .unwrap();
        let page = String::from_utf8(page).unwrap();
        expect_file!["../../packaging/man/owlcodad.1"].assert_eq(&page);
        for verb in program.get_subcommands() {
            let name = verb.get_name();
            if name == "help" {
                continue;
            }
            let mut page = Vec::new();
            clap_mangen::Man::new(verb.clone())
                .render(&mut page)
                .unwrap();
            let page = String::from_utf8(page).unwrap();
            expect_file![format!("../../packaging/man/owlcodad-{name}.1")].assert_eq(&page);
        }
        for (shell, file) in [
            (Shell::Bash, "owlcodad.bash"),
            (Shell::Zsh, "_owlcodad"),
            (Shell::Fish, "owlcodad.fish"),
        ] {
            let mut script = Vec::new();
            generate(shell, &mut Cli::command(), "owlcodad", &mut script);
            let script = String::from_utf8(script).unwrap();
            expect_file![format!("../../packaging/completions/{file}")].assert_eq(&script);
        }
    }
}
