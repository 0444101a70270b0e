//! Standard error where systemd's journal reads it: the level goes before each line, as `<6>`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use tracing::Metadata;
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::fmt::MakeWriter;

use super::LogLevel;

/// Whether standard error leads to the journal: systemd names the device and inode of the stream that
/// it made, and whoever redirects it has another.
pub(super) fn is_standard_error() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one variable that says where standard error leads"
    )]
    let named = std::env::var("JOURNAL_STREAM").ok();
    let Some((device, inode)) = named.as_deref().and_then(parse) else {
        return false;
    };
    let stream = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let stream = stream.and_then(|stream| stream.metadata());
    stream.is_ok_and(|stream| stream.dev() == device && stream.ino() == inode)
}

/// `8:12345`.
fn parse(named: &str) -> Option<(u64, u64)> {
    let (device, inode) = named.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// What systemd calls the levels, after syslog.
const fn priority(level: LogLevel) -> u8 {
    match level {
        LogLevel::Error => 3,
        LogLevel::Warn => 4,
        LogLevel::Info => 6,
        LogLevel::Debug | LogLevel::Trace => 7,
    }
}

/// Puts the level before each line.
pub(super) struct Prefixed(pub(super) NonBlocking);

pub(super) struct Line {
    to: NonBlocking,
    priority: u8,
}

impl MakeWriter<'_> for Prefixed {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line {
            to: self.0.clone(),
            priority: priority(LogLevel::Info),
        }
    }

    fn make_writer_for(&self, about: &Metadata<'_>) -> Line {
        Line {
            to: self.0.clone(),
            priority: priority(LogLevel::of(*about.level())),
        }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.to.write_all(&prefixed(self.priority, line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line break within a message would begin an entry of its own.
fn prefixed(priority: u8, line: &[u8]) -> Vec<u8> {
    let mut out = format!("<{priority}>").into_bytes();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    out.extend(
        line.iter()
            .map(|byte| if *byte == b'\n' { b' ' } else { *byte }),
    );
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_level_before_it_and_no_break_within() {
        let line = prefixed(priority(LogLevel::Warn), b"WARN one\ntwo\n");
        assert_eq!(line, b"<4>WARN one two\n");
    }

    #[test]
    fn the_stream_is_told_by_device_and_inode() {
        assert_eq!(parse("8:12345"), Some((8, 12_345)));
        for odd in ["", "8", "8:", ":1", "a:b"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
