//! What `owlcodad` does without serving: writes, checks, shows and moves configurations, and looks
//! at the machine. One file a verb.
//!
//! A verb turns its arguments into an [`Answer`]; only [`show`] writes it, as text or as JSON. All
//! of it is implemented here once: the `owlctl` verbs of the same names run these.

mod config_export;
mod config_migrate;
mod config_show;
pub(crate) mod doctor;
pub(crate) mod document;
pub(crate) mod dry_run;
mod init;
mod text;
mod validate;
mod write;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use owlcoda_config::{Environment, Source};
use owlcoda_proto::Place;

use crate::cli::{Command, ConfigCommand, PlaceArgs};
use crate::failure::Failure;
use crate::reload::Sources;
use crate::storage;

/// What a verb has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For people; ends with a newline.
    pub(crate) text: String,
    /// For programs; ends with a newline.
    pub(crate) json: String,
    /// The exit status.
    pub(crate) status: u8,
}

/// Whether programs are meant to read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Form {
    pub(crate) const fn of_flag(is_json: bool) -> Self {
        if is_json { Self::Json } else { Self::Text }
    }
}

/// Where a verb looks.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) place: Place,
    pub(crate) env: Environment,
    pub(crate) source: Source,
}

impl Ground {
    pub(crate) fn of(args: &PlaceArgs) -> Result<Self, Failure> {
        Self::with_socket(args, None)
    }

    pub(crate) fn with_socket(args: &PlaceArgs, socket: Option<&Path>) -> Result<Self, Failure> {
        let place = Place::locate(
            args.home.as_deref(),
            socket,
            &owlcoda_proto::Environment::of_process(),
        )?;
        let env = Environment::of_process();
        let mut sources = Sources::new(args.config.clone(), place.home.clone(), env.clone());
        Ok(Self {
            source: sources.now(),
            place,
            env,
        })
    }

    /// The configuration file, whether it is there or not.
    pub(crate) fn config_path(&self) -> PathBuf {
        let path = self.source.path.clone();
        path.unwrap_or_else(|| self.place.home.join("config.json"))
    }
}

/// Runs a verb that does not serve. Returns its exit status.
pub(crate) fn run(command: &Command) -> Result<u8, Failure> {
    let (answer, form) = match command {
        Command::Storage(args) => return storage::run(args),
        Command::Serve(args) => (dry_run::run(args)?, Form::of_flag(args.json)),
        Command::Init(args) => (init::run(args)?, Form::of_flag(args.json)),
        Command::Validate(args) => (validate::run(args)?, Form::of_flag(args.json)),
        Command::Doctor(args) => (doctor::run(args)?, Form::of_flag(args.json)),
        Command::Config { command } => match command {
            ConfigCommand::Show(args) => (config_show::run(&args.place)?, Form::of_flag(args.json)),
            ConfigCommand::Export(args) => (config_export::run(args)?, Form::of_flag(args.json)),
            ConfigCommand::Schema => (schema(), Form::Json),
            ConfigCommand::Migrate(args) => (config_migrate::run(args)?, Form::of_flag(args.json)),
        },
    };
    show(&answer, form)?;
    Ok(answer.status)
}

/// The schema of the configuration's file.
fn schema() -> Answer {
    // Nothing in it can fail to be written.
    let json = serde_json::to_string_pretty(&owlcoda_config::schema()).unwrap_or_default() + "\n";
    Answer {
        text: json.clone(),
        json,
        status: 0,
    }
}

/// A reader that left (`owlcodad doctor | head`) is no failure.
fn show(answer: &Answer, form: Form) -> Result<(), Failure> {
    let text = match form {
        Form::Text => &answer.text,
        Form::Json => &answer.json,
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::System {
            what: "the answer",
            source: error,
        }),
        _ => Ok(()),
    }
}

/// Runs what waits for others, each with a limit of its own.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::System {
            what: "the async runtime",
            source,
        })?;
    let done = runtime.block_on(work);
    // A name that is still being looked up keeps nobody waiting.
    runtime.shutdown_background();
    Ok(done)
}
