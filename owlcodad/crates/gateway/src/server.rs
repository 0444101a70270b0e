//! The accept loop.
//!
//! `axum::serve` sets neither a limit on how long a request's head may take nor `TCP_NODELAY`, and
//! without the latter every small event waits for the acknowledgement of the one before.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use owlcoda_supervise::{Live, OnExit, Seldom, Shutdown, Supervisor};
use owlcoda_telemetry::metric;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::Settings;
use crate::admit::Peer;
use crate::socket::{Patient, linger};

/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Most header fields of a request.
const MAX_HEADERS: usize = 100;

/// How long a connection may take to carry its last bytes after everything was cut.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// What a caller gets who speaks HTTP/2 from the first byte on: hyper would hang up without a word.
const NOT_HTTP2: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 26\r\nconnection: close\r\n\r\nthis port speaks HTTP/1.1\n";

/// A bound port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

/// Tells whether there is room for another connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    permits: Arc<Semaphore>,
}

impl Door {
    /// Whether who comes now has to wait until somebody leaves.
    pub fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }
}

impl Server {
    /// Binds the port. Fails where another program holds it. Past `max_connections` at a time, more
    /// wait in the kernel's queue.
    pub async fn bind(address: SocketAddr, max_connections: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self::of(listener, max_connections))
    }

    /// Takes a socket that listens already, such as one of the service manager's. What waits in its
    /// queue when the drain begins is left to whoever has it open, too.
    pub fn adopt(listener: std::net::TcpListener, max_connections: usize) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::of(TcpListener::from_std(listener)?, max_connections))
    }

    fn of(listener: TcpListener, max_connections: usize) -> Self {
        Self {
            listener,
            permits: Arc::new(Semaphore::new(max_connections)),
        }
    }

    /// Whether there is room at the door.
    pub fn door(&self) -> Door {
        Door {
            permits: Arc::clone(&self.permits),
        }
    }

    /// The address with the real port where 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts until the drain begins. Connections are tasks of `supervisor`; they end when their
    /// requests are answered, or cut. Each goes by the limits in force when it came.
    pub async fn run(self, router: Router, settings: Live<Settings>, supervisor: Supervisor) {
        let shutdown = supervisor.shutdown().clone();
        let permits = self.permits;
        loop {
            let accept = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&permits).acquire_owned().await.ok();
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = shutdown.draining().cancelled() => return,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let service = router.clone();
                    let settings = settings.current();
                    let shutdown = shutdown.clone();
                    supervisor.spawn("http-connection", OnExit::Report, move |_| async move {
                        let _permit = permit;
                        serve(socket, peer, service, settings, shutdown).await;
                    });
                }
                Err(error) => {
                    // Out of descriptors, mostly. Trying again at once would spin.
                    warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    service: Router,
    settings: Arc<Settings>,
    shutdown: Shutdown,
) {
    let _open = metric::HTTP_CONNECTIONS.hold([]);
    if let Err(error) = socket.set_nodelay(true) {
        debug!(%peer, %error, "could not set TCP_NODELAY");
    }
    let caller = Peer::new(peer, socket.local_addr().ok());
    let service = service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        request
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(
            TokioIo::new(Patient::new(socket, settings.write_timeout)),
            TowerToHyperService::new(service),
        );
    let draining = Seldom::new(shutdown.draining().clone().cancelled_owned());
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = draining => {
            // The answer on its way is the last one of this connection.
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let cut = async {
                shutdown.stopping().cancelled().await;
                tokio::time::sleep(LAST_BYTES).await;
            };
            tokio::select! {
                ended = &mut connection => ended,
                () = cut => {
                    debug!(%peer, "cut a connection that did not take its last bytes");
                    return;
                }
            }
        }
    };
    let mut is_http2 = false;
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection ended early");
        is_http2 = error.is_parse_version_h2();
    }
    // What the last request held is dropped here.
    let mut socket = connection.into_parts().io.into_inner().into_inner();
    if is_http2 {
        // The caller may have left.
        let _ = socket.write_all(NOT_HTTP2).await;
    }
    tokio::select! {
        () = linger(socket) => {}
        () = shutdown.draining().cancelled() => {}
    }
}
