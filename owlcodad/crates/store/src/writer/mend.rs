//! Losing a part of the store to a failure, and opening it again.

use std::sync::Arc;

use owlcoda_telemetry::metric;
use tracing::info;

use super::Writer;
use crate::StoreError;
use crate::anchor::Anchor;
use crate::engine::{Engine, guarded};
use crate::ledger::Known;
use crate::outage::Outage;
use crate::recovery::Recovered;
use crate::vault;

impl Writer {
    /// Opens again what is out, where it is time.
    pub(super) fn mend(&mut self) {
        self.mend_sessions();
        self.mend_ledger();
    }

    pub(super) fn use_sessions(&mut self, engine: Arc<dyn Engine>, recovered: Recovered) {
        self.shared.show_sessions(Ok(Arc::clone(&engine)));
        self.sessions = Some(engine);
        self.sessions_outage = None;
        self.recovered = recovered;
    }

    /// The sessions' engine failed.
    pub(super) fn lose_sessions(&mut self, error: &StoreError) {
        let outage = Outage::new(error);
        self.shared.begin_outage(&outage.reason);
        self.sessions_outage = Some(outage);
        // It can still answer most questions, and is let go when it is to be opened again.
    }

    /// The newest segment of the audit failed.
    pub(super) fn lose_ledger(&mut self, error: &StoreError) {
        let outage = Outage::new(error);
        self.shared.begin_outage(&outage.reason);
        self.shared.set_taking_audit(false);
        self.ledger_outage = Some(outage);
    }

    fn mend_sessions(&mut self) {
        let Some(outage) = &mut self.sessions_outage else {
            return;
        };
        if !outage.is_due(&self.dir) {
            return;
        }
        self.shared.show_sessions(Err(Arc::clone(&outage.reason)));
        self.sessions = None;
        let anchor = Anchor::Held(self.progress.head);
        let findings = &self.shared.findings;
        let clock = &*self.shared.clock;
        let opener = &*self.opener;
        let opened = guarded(|| {
            vault::open(
                &self.dir,
                opener,
                self.cache_bytes,
                &anchor,
                findings,
                clock,
            )
        });
        match opened {
            Ok((engine, recovered)) => {
                info!("the sessions can be written again");
                metric::STORAGE_REOPENS.add([], 1);
                self.use_sessions(engine, recovered);
                self.end_outage();
            }
            Err(error) => {
                metric::STORAGE_ERRORS.add(["reopen"], 1);
                outage.failed(&error);
            }
        }
    }

    fn mend_ledger(&mut self) {
        let Some(outage) = &mut self.ledger_outage else {
            return;
        };
        if !outage.is_due(&self.dir) {
            return;
        }
        self.ledger.shut(Some(&outage.reason));
        let known = Known::of(Some(&self.progress.head));
        let opened = guarded(|| self.ledger.open(known));
        match opened {
            Ok(()) => {
                info!("the audit can be written again");
                metric::STORAGE_REOPENS.add([], 1);
                self.ledger_outage = None;
                // What the failed commit left may be durable or not; the numbers tell.
                let n_durable = self.ledger.last_seq().saturating_sub(self.backlog_after);
                let n_durable = usize::try_from(n_durable).unwrap_or(usize::MAX);
                self.backlog.settle(n_durable);
                self.backlog_after = self.ledger.last_seq();
                let n_audit = self.backlog.len() as u64;
                if self.write_backlog() {
                    metric::AUDIT_RECORDS.add([], n_audit);
                }
                self.publish();
                self.shared.set_taking_audit(self.ledger_outage.is_none());
                self.end_outage();
            }
            Err(error) => {
                metric::STORAGE_ERRORS.add(["reopen"], 1);
                outage.failed(&error);
            }
        }
    }

    fn end_outage(&self) {
        if self.sessions_outage.is_none() && self.ledger_outage.is_none() {
            self.shared.end_outage();
        }
    }
}
