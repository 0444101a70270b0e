//! A session that is removed is gone, for good and with everything in it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};

use owlcoda_store::{Integrity, StoreError, StoreOptions, offline};
use owlcoda_types::{ErrorCode, SessionId};

use crate::sample::{event, meta, open};

#[tokio::test]
async fn a_removed_session_is_gone_after_a_reopen_and_nothing_is_missed() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let (gone, kept) = (SessionId::generate(), SessionId::generate());
    for id in [gone, kept] {
        // Of several parts each.
        let events = (1..=40).map(|seq| event(seq, 9_000)).collect();
        sessions.append(meta(id, 40), events).await.unwrap();
    }
    assert!(sessions.remove(gone).await.unwrap());
    assert!(!sessions.remove(gone).await.unwrap(), "once is enough");
    assert_eq!(sessions.get(gone).await.unwrap(), None);
    assert_eq!(sessions.events(gone, 0, 100).await.unwrap(), []);
    // The writer tells its numbers after it has answered.
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().n_sessions, 1);
    store.close().await;

    let options = StoreOptions::default();
    let verified = offline::verify(home.path()).unwrap();
    assert_eq!(verified.problems, [""; 0]);
    assert_eq!((verified.n_sessions, verified.n_events), (1, 40));
    let manifest = offline::export(home.path(), &options, io::sink()).unwrap();
    assert_eq!((manifest.n_sessions, manifest.n_unreadable), (1, 0));
    let store = open(home.path()).unwrap();
    assert_eq!(store.stats().integrity, Integrity::Ok);
    assert_eq!(store.stats().n_sessions, 1);
    assert_eq!(store.sessions().get(gone).await.unwrap(), None);
    let events = store.sessions().events(kept, 0, 100).await.unwrap();
    assert_eq!(events.len(), 40);
    store.close().await;
}

#[tokio::test]
async fn a_session_that_is_removed_together_with_its_last_write_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    sessions
        .append(meta(id, 1), vec![event(1, 10)])
        .await
        .unwrap();
    // Both wait in the queue at a time, as often as not for one commit.
    let (written, removed) = tokio::join!(
        sessions.append(meta(id, 2), vec![event(2, 20_000)]),
        sessions.remove(id),
    );
    assert!(removed.unwrap());
    match written {
        Ok(()) => {}
        Err(error) => assert!(matches!(error, StoreError::Conflict { .. }), "{error}"),
    }
    assert_eq!(sessions.get(id).await.unwrap(), None);
    assert_eq!(sessions.events(id, 0, 10).await.unwrap(), []);
    // The id is as free as one that never was.
    sessions
        .append(meta(id, 1), vec![event(1, 10)])
        .await
        .unwrap();
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().n_sessions, 1);
    assert_eq!(sessions.events(id, 0, 10).await.unwrap(), [event(1, 10)]);
    assert_eq!(store.stats().integrity, Integrity::Ok);
    store.close().await;
}

/// Says that it was written to, and waits to be let on.
struct Held {
    began: Sender<()>,
    leave: Receiver<()>,
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        let _ = self.leave.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn while_a_backup_is_made_nothing_is_removed_and_afterwards_it_is() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    sessions
        .append(meta(id, 1), vec![event(1, 10)])
        .await
        .unwrap();
    let (began, has_begun) = channel();
    let (let_on, leave) = channel::<()>();
    let backup = {
        let store = store.clone();
        let out = Held { began, leave };
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let backup = store.backup(out, Arc::new(AtomicU64::new(0)));
            runtime.unwrap().block_on(backup)
        })
    };
    let has_begun = tokio::task::spawn_blocking(move || has_begun.recv().map(|()| has_begun));
    let _has_begun = has_begun.await.unwrap().unwrap();
    let refused = sessions.remove(id).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Busy, "{refused}");
    drop(let_on);
    assert_eq!(backup.await.unwrap().unwrap().n_sessions, 1);
    assert!(sessions.remove(id).await.unwrap());
    store.close().await;
}
