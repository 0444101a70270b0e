//! The daemon that takes our place in the same process, after an end that was a restart.
//!
//! The same process: whoever watches over us by its number, such as systemd, sees no end.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

/// How we were started.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Invocation {
    /// Taken at the start: the path of a program that is replaced later, as by an upgrade, is then
    /// that of the new one.
    pub(crate) fn of_process() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: std::env::args_os().skip(1).collect(),
        })
    }

    /// Begins anew; returns only where that fails. Everything is closed and written by now.
    pub(crate) fn begin_anew(&self) -> io::Error {
        #[expect(
            clippy::disallowed_methods,
            reason = "no child: it takes the place of this process"
        )]
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).exec()
    }
}
