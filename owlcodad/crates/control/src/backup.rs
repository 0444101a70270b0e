//! `owlcoda.v1.Backup`: copies of what the daemon keeps, while it runs.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use futures_util::{FutureExt as _, Stream};
use owlcoda_proto::v1;
use owlcoda_proto::v1::backup_server::Backup;
use owlcoda_store::StoreError;
use owlcoda_store::offline::Manifest;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

/// Bytes of one message.
const CHUNK_BYTES: usize = 128 << 10;

/// Messages that wait for a client; then the archive does.
const MAX_WAITING: usize = 8;

type Chunks = Pin<Box<dyn Stream<Item = Result<v1::BackupChunk, Status>> + Send>>;

#[tonic::async_trait]
impl Backup for Control {
    type CreateStream = Chunks;

    async fn create(
        &self,
        _: Request<v1::CreateBackupRequest>,
    ) -> Result<Response<Chunks>, Status> {
        observed("Backup/Create", async {
            let (sender, chunks) = mpsc::channel(MAX_WAITING);
            let n_lines = Arc::new(AtomicU64::new(0));
            let out = ChunkWriter {
                sender,
                chunk: Vec::new(),
            };
            let (store, counted) = (self.store.clone(), Arc::clone(&n_lines));
            let sending = Sending {
                writing: Some(async move { store.backup(out, counted).await }.boxed()),
                written: None,
                chunks,
                n_lines,
                n_bytes: 0,
            };
            let chunks: Chunks = Box::pin(unfold(sending, Sending::step));
            Ok(chunks)
        })
        .await
    }
}

/// An archive on its way. Dropped, the writing ends at its next chunk.
struct Sending {
    /// None once it has ended.
    writing: Option<BoxFuture<'static, Result<Manifest, StoreError>>>,
    written: Option<Result<Manifest, StoreError>>,
    chunks: mpsc::Receiver<Vec<u8>>,
    n_lines: Arc<AtomicU64>,
    n_bytes: u64,
}

impl Sending {
    async fn step(mut self) -> Option<(Result<v1::BackupChunk, Status>, Self)> {
        loop {
            let chunk = match &mut self.writing {
                Some(writing) => tokio::select! {
                    biased;
                    chunk = self.chunks.recv() => chunk,
                    written = writing => {
                        self.written = Some(written);
                        self.writing = None;
                        continue;
                    }
                },
                None => self.chunks.recv().await,
            };
            if let Some(data) = chunk {
                self.n_bytes += data.len() as u64;
                let chunk = v1::BackupChunk {
                    data,
                    n_lines: self.n_lines.load(Ordering::Relaxed),
                    manifest: None,
                };
                return Some((Ok(chunk), self));
            }
            if let Some(writing) = self.writing.take() {
                // It has let go of its end and is about to say how it went.
                self.written = Some(writing.await);
            }
            let last = match self.written.take()? {
                Ok(manifest) => Ok(v1::BackupChunk {
                    manifest: Some(to_wire(manifest, self.n_bytes)),
                    n_lines: self.n_lines.load(Ordering::Relaxed),
                    data: Vec::new(),
                }),
                Err(error) => Err(convert::store_error(&error)),
            };
            return Some((last, self));
        }
    }
}

fn to_wire(manifest: Manifest, n_bytes: u64) -> v1::BackupManifest {
    v1::BackupManifest {
        n_audit_records: manifest.n_audit_records,
        first_audit_seq: manifest.first_audit_seq,
        last_audit_seq: manifest.last_audit_seq,
        n_sessions: manifest.n_sessions,
        n_events: manifest.n_events,
        n_unreadable: manifest.n_unreadable,
        sha256: manifest.sha256,
        n_bytes,
    }
}

/// Hands an archive over in chunks, on a thread that may wait for whoever takes them.
struct ChunkWriter {
    sender: mpsc::Sender<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_free = CHUNK_BYTES - self.chunk.len();
        let (taken, _) = bytes.split_at(bytes.len().min(n_free));
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        let sent = self.sender.blocking_send(chunk);
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
