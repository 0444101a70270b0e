//! Who is at the other end of a control connection, as the kernel says.

use tonic::Request;
use tonic::transport::server::UdsConnectInfo;

/// The process at the other end. For people only: numbers of processes come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: Option<u32>,
    pub(crate) pid: Option<i32>,
}

impl Peer {
    /// Who sent `request`.
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        let connection = request.extensions().get::<UdsConnectInfo>();
        let credentials = connection.and_then(|connection| connection.peer_cred);
        Self {
            uid: credentials.map(|it| it.uid()),
            pid: credentials.and_then(|it| it.pid()),
        }
    }
}
