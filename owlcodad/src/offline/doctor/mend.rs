//! `owlcodad doctor --fix`: mends what can be mended without a question.
//!
//! Modes of our own files, and what a daemon that is gone has left behind. Nothing is removed that
//! anybody could want back, nothing of another user is touched, and no link is followed.

use std::io;
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use owlcoda_proto::Place;
use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::files::Daemon;

/// Does it. Gives back what was done, a command line each, as somebody would have typed it.
pub(super) fn mend(place: &Place, daemon: &Daemon) -> Vec<String> {
    let auth = place.home.join("auth");
    let mut done = Vec::new();
    for (path, mode) in [
        (place.home.clone(), 0o700),
        (auth.clone(), 0o700),
        (auth.join("token"), 0o600),
        (place.home.join("credentials.json"), 0o600),
    ] {
        if let Ok(true) = close(&path, mode) {
            done.push(format!("chmod {mode:o} {}", path.display()));
        }
    }
    let socket = &place.socket;
    let is_socket = socket
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket() && is_ours(&metadata));
    if is_socket && !daemon.is_running() && !daemon.answers() && fs_err::remove_file(socket).is_ok()
    {
        done.push(format!("rm {}", socket.display()));
    }
    done
}

fn is_ours(metadata: &std::fs::Metadata) -> bool {
    metadata.uid() == geteuid().as_raw()
}

/// Takes from others what they may do with `path`, if it is ours and they may do anything. Whether it
/// did.
fn close(path: &Path, mode: u32) -> io::Result<bool> {
    // By the descriptor, so that what is looked at is what is changed.
    let no_links = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits());
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(no_links.unwrap_or(0))
        .open(path)?;
    let metadata = file.metadata()?;
    if !is_ours(&metadata) || metadata.mode() & 0o077 == 0 {
        return Ok(false);
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(true)
}
