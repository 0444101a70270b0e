//! The only place that writes to standard output and standard error.

use std::io::{self, ErrorKind, Write};

use crate::colour::Colours;
use crate::report::Report;

/// Writes a report. A reader that left (`owlctl audit | head`) is not an error.
pub(crate) fn show(report: &Report, colours: Colours) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(colours.painted(&report.stdout).as_bytes())
        .and_then(|()| out.flush());
    if !report.stderr.is_empty() {
        complain(report.stderr.trim_end_matches('\n'));
    }
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes data that comes bit by bit. False where nobody reads it any more.
pub(crate) fn print(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// Writes a message for a person.
pub(crate) fn complain(message: &str) {
    // Where even standard error is closed, nobody is left to be told.
    writeln!(io::stderr(), "{message}").ok();
}
