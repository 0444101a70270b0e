//! Who is at the other end of a control connection, as the kernel says, and what that makes of them.
//!
//! Decided when the connection is accepted. The user and the groups are those that the caller had when
//! it connected; its process id is told in the log and decides nothing, because ids are used again.
//! Whoever the kernel says nothing of is nobody.

use owlcoda_types::{clip, printable};
use rustix::process::getuid;
use tokio::net::UnixStream;

use crate::access::Tier;

/// Members of this group look.
const OBSERVERS: &str = "owlcoda";

/// Members of this group do everything.
const ADMINS: &str = "owlcoda-admin";

/// Largest list of groups of the machine that is read, in bytes.
const MAX_GROUP_FILE_BYTES: u64 = 4 << 20;

/// Who may connect, and how far each gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    uid: u32,
    /// None where groups mean nothing.
    groups: Option<Groups>,
}

/// Numbers of the groups that mean something; none where the machine has no such group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Groups {
    observers: Option<u32>,
    admins: Option<u32>,
}

/// A caller that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// For people only. None where the kernel does not say.
    pub(crate) pid: Option<i32>,
    pub(crate) tier: Tier,
}

/// A caller that may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stranger {
    /// None where the kernel does not say.
    pub(crate) uid: Option<u32>,
    pub(crate) pid: Option<i32>,
}

impl Peer {
    /// Who sent `request`. The gate before every call refuses one of whom nothing is known.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get::<Self>().copied()
    }
}

impl Access {
    /// The daemon's own user and root, and nobody else.
    pub fn of_owner() -> Self {
        Self {
            uid: getuid().as_raw(),
            groups: None,
        }
    }

    /// These, and the members of `owlcoda` and `owlcoda-admin` as the machine has them now.
    pub fn of_groups() -> Self {
        Self {
            groups: Some(Groups::of_machine()),
            ..Self::of_owner()
        }
    }

    /// The group whose members may open the socket's file, if there is one.
    pub(crate) fn socket_group(&self) -> Option<u32> {
        self.groups?.observers
    }

    /// Whether others than the owner may open the socket's file at all.
    pub(crate) const fn is_shared(&self) -> bool {
        self.groups.is_some()
    }

    /// What the kernel says of the other end of `stream`.
    pub(crate) fn admit(&self, stream: &UnixStream) -> Result<Peer, Stranger> {
        let Ok(peer) = stream.peer_cred() else {
            return Err(Stranger {
                uid: None,
                pid: None,
            });
        };
        let stranger = Stranger {
            uid: Some(peer.uid()),
            pid: peer.pid(),
        };
        let mut groups = vec![peer.gid()];
        if self.groups.is_some() {
            // What the kernel does not tell, nobody has.
            groups.extend(system::groups_of(stream).unwrap_or_default());
        }
        let tier = self.tier(peer.uid(), &groups).ok_or(stranger)?;
        Ok(Peer {
            uid: peer.uid(),
            pid: peer.pid(),
            tier,
        })
    }

    fn tier(&self, uid: u32, their_groups: &[u32]) -> Option<Tier> {
        if uid == self.uid || uid == 0 {
            return Some(Tier::Admin);
        }
        let groups = self.groups?;
        let is_in = |group: Option<u32>| group.is_some_and(|it| their_groups.contains(&it));
        if is_in(groups.admins) {
            Some(Tier::Admin)
        } else if is_in(groups.observers) {
            Some(Tier::Observer)
        } else {
            None
        }
    }
}

impl Groups {
    /// From the list of the machine itself: the groups are those of a package, and no directory
    /// service is asked for them.
    fn of_machine() -> Self {
        use std::io::Read as _;
        let mut text = String::new();
        let read = fs_err::File::open("/etc/group")
            .and_then(|file| file.take(MAX_GROUP_FILE_BYTES).read_to_string(&mut text));
        if let Err(error) = read {
            tracing::warn!(%error, "no group may use the control socket");
            return Self::default();
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let number = |wanted: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                let number = fields.nth(1)?;
                // Root's group and "nobody" would let in whoever has no group at all.
                let number = number.parse().ok().filter(|it| !matches!(it, 0 | 65_534))?;
                (name == wanted).then_some(number)
            })
        };
        Self {
            observers: number(OBSERVERS),
            admins: number(ADMINS),
        }
    }
}

impl std::fmt::Display for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.uid {
            Some(uid) => write!(f, "user {uid}"),
            None => f.write_str("somebody of whom the system says nothing"),
        }
    }
}

/// The first bytes of a connection, fit for the log.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    clip(&printable(&text), 24).into_owned()
}

/// The path of a call, fit for the log: it is the caller's text.
pub(crate) fn shown_call(path: &str) -> String {
    clip(&printable(path), 80).into_owned()
}

#[cfg(target_os = "linux")]
mod system {
    //! The groups of a peer, which no safe interface tells.

    use std::io;
    use std::os::fd::AsRawFd as _;

    use tokio::net::UnixStream;

    /// `SO_PEERGROUPS` of `asm-generic/socket.h`; Linux 4.13 has it.
    const SO_PEERGROUPS: libc::c_int = 59;

    /// Most groups of a process: `NGROUPS_MAX` of Linux.
    const MAX_GROUPS: usize = 65_536;

    /// The supplementary groups that the process at the other end had when it connected.
    #[expect(
        unsafe_code,
        reason = "the kernel writes the list into memory of ours, and nothing safe asks for it"
    )]
    pub(super) fn groups_of(stream: &UnixStream) -> io::Result<Vec<u32>> {
        let mut groups = vec![0_u32; 64];
        loop {
            let n_bytes = size_of_val(groups.as_slice());
            let mut len = libc::socklen_t::try_from(n_bytes).map_err(io::Error::other)?;
            // SAFETY: `groups` is writable memory of `len` bytes, aligned for the `gid_t`s that the
            // kernel writes there; it writes `len` bytes at most and puts into `len` how many it
            // wrote, or needs. The descriptor is open as long as `stream` is borrowed.
            let status = unsafe {
                libc::getsockopt(
                    stream.as_raw_fd(),
                    libc::SOL_SOCKET,
                    SO_PEERGROUPS,
                    groups.as_mut_ptr().cast(),
                    &raw mut len,
                )
            };
            let n_groups = usize::try_from(len).unwrap_or(0) / size_of::<libc::gid_t>();
            if status == 0 {
                groups.truncate(n_groups);
                return Ok(groups);
            }
            let error = io::Error::last_os_error();
            let is_too_short = error.raw_os_error() == Some(libc::ERANGE);
            if !is_too_short || n_groups <= groups.len() || n_groups > MAX_GROUPS {
                return Err(error);
            }
            groups.resize(n_groups, 0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! No other system tells the groups of a peer in this way; membership counts for nothing there.

    use std::io;

    use tokio::net::UnixStream;

    pub(super) fn groups_of(_stream: &UnixStream) -> io::Result<Vec<u32>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "root:x:0:\nowlcoda:x:990:ada\nowlcoda-admin:x:991:\nowlcoda:x:1:\n";

    #[test]
    fn tiers_follow_from_user_and_groups_and_everybody_else_is_nobody() {
        let groups = Groups::parse(FILE);
        assert_eq!((groups.observers, groups.admins), (Some(990), Some(991)));
        let system = Access {
            uid: 500,
            groups: Some(groups),
        };
        let user = Access {
            groups: None,
            ..system
        };
        let (admin, observer) = (Some(Tier::Admin), Some(Tier::Observer));
        for (uid, their_groups, in_system, in_user) in [
            (500, &[][..], admin, admin),
            (0, &[], admin, admin),
            (1000, &[1000, 990], observer, None),
            (1000, &[990, 991], admin, None),
            (1000, &[991], admin, None),
            (1000, &[1000, 0, 65_534], None, None),
            (1000, &[], None, None),
        ] {
            assert_eq!(
                system.tier(uid, their_groups),
                in_system,
                "{uid} {their_groups:?}"
            );
            assert_eq!(
                user.tier(uid, their_groups),
                in_user,
                "{uid} {their_groups:?}"
            );
        }
    }

    #[test]
    fn groups_that_are_missing_or_mean_everybody_let_nobody_in() {
        for text in [
            "",
            "owlcoda\nowlcoda-admin:x\n",
            "owlcoda:x:0:\nowlcoda-admin:x:65534:\n",
            "owlcoda:x:many:\nowlcoda-admin::-1:\n",
        ] {
            assert_eq!(Groups::parse(text), Groups::default(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn the_kernel_tells_our_own_user_and_groups() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let peer = Access::of_owner().admit(&ours).unwrap();
        assert_eq!(peer.uid, getuid().as_raw());
        assert_eq!(peer.tier, Tier::Admin);
        #[cfg(target_os = "linux")]
        {
            let mut told = system::groups_of(&theirs).unwrap();
            let mut expected: Vec<_> = rustix::process::getgroups()
                .unwrap()
                .into_iter()
                .map(rustix::process::Gid::as_raw)
                .collect();
            told.sort_unstable();
            expected.sort_unstable();
            assert_eq!(told, expected);
        }
        drop(theirs);
    }
}
