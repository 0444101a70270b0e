//! The way from the global options to a daemon that answers.

use owlcoda_proto::{Client, Environment, Place, connect};

use crate::cli::Global;
use crate::error::CommandError;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) global: &'a Global,
    /// Where the daemon is expected.
    pub(crate) place: Place,
}

impl<'a> Context<'a> {
    /// Finds the place that the options and the environment name.
    pub(crate) fn of_process(global: &'a Global) -> Result<Self, CommandError> {
        let place = Place::of_running(
            global.home.as_deref(),
            global.socket.as_deref(),
            &Environment::of_process(),
        )?;
        Ok(Self { global, place })
    }

    /// Connects to the daemon.
    pub(crate) async fn connect(&self) -> Result<Client, CommandError> {
        connect(&self.place.socket)
            .await
            .map_err(|source| CommandError::Connect {
                source,
                home: self.global.home.clone(),
            })
    }
}
