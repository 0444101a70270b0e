//! The way from the global options to a daemon that answers.

use owlcoda_proto::{Client, ConnectError, Environment, Place, connect, reach};

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
        self.told(connect(&self.place.socket).await)
    }

    /// Connects to the daemon, of whatever version it is.
    pub(crate) async fn reach(&self) -> Result<Client, CommandError> {
        self.told(reach(&self.place.socket).await)
    }

    /// The same with what a person is told of it.
    pub(crate) fn told(
        &self,
        reached: Result<Client, ConnectError>,
    ) -> Result<Client, CommandError> {
        reached.map_err(|source| CommandError::Connect {
            source,
            home: self.global.home.clone(),
        })
    }
}
