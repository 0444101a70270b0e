//! A value that readers take whole and keep while a newer one is published.

use std::sync::Arc;

use tokio::sync::watch;

/// One published value, replaced whole; readers keep the one they started with.
#[derive(Debug)]
pub struct Live<T> {
    tx: Arc<watch::Sender<Arc<T>>>,
}

impl<T> Live<T> {
    /// Publishes the first value.
    pub fn new(value: T) -> Self {
        Self {
            tx: Arc::new(watch::Sender::new(Arc::new(value))),
        }
    }

    /// The value in force now. Call once per request and hold on to it.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.tx.borrow())
    }

    /// Publishes `next` and returns what it replaced.
    pub fn replace(&self, next: T) -> Arc<T> {
        self.tx.send_replace(Arc::new(next))
    }

    /// Tells of every later replacement.
    pub fn subscribe(&self) -> watch::Receiver<Arc<T>> {
        self.tx.subscribe()
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self {
            tx: Arc::clone(&self.tx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_its_value_across_a_replacement() {
        let live = Live::new(1);
        let reader = live.current();
        assert_eq!(*live.replace(2), 1);
        assert_eq!((*reader, *live.current()), (1, 2));
    }
}
