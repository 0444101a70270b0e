//! Series that are at hand.
//!
//! To find a series, the recorder copies and hashes all its labels, which costs more than to count in
//! it. A call counts in ten of them, and most calls in the same ones, so those that were asked for
//! are kept beside their metric.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

/// Most series of a metric that are kept; past it, each is looked for again.
const MAX_KEPT: usize = 64;

/// Whether there is a recorder. What is made before that counts for nobody and is not kept.
static HAS_RECORDER: AtomicBool = AtomicBool::new(false);

/// From now on a series is one for good.
pub(crate) fn keep_from_now_on() {
    HAS_RECORDER.store(true, Ordering::Release);
}

/// The series of one metric, by the values of its labels.
#[derive(Debug)]
pub(crate) struct Kept<S, const N: usize> {
    series: RwLock<Vec<([Box<str>; N], S)>>,
}

impl<S: Clone, const N: usize> Kept<S, N> {
    pub(crate) const fn new() -> Self {
        Self {
            series: RwLock::new(Vec::new()),
        }
    }

    /// The series with these label values, which `make` makes where it is not at hand.
    pub(crate) fn get(&self, values: [&str; N], make: impl FnOnce() -> S) -> S {
        let is_it = |labels: &[Box<str>; N]| labels.iter().zip(values).all(|(a, b)| **a == *b);
        let kept = self.series.read();
        if let Some((_, series)) = kept.iter().find(|(labels, _)| is_it(labels)) {
            return series.clone();
        }
        drop(kept);
        let series = make();
        if HAS_RECORDER.load(Ordering::Acquire) {
            let mut kept = self.series.write();
            if kept.len() < MAX_KEPT && !kept.iter().any(|(labels, _)| is_it(labels)) {
                kept.push((values.map(Box::from), series.clone()));
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_series_is_made_once_and_found_by_all_its_labels_then() {
        keep_from_now_on();
        let kept = Kept::<u32, 2>::new();
        let n_made = Cell::new(0);
        let get = |values: [&str; 2]| {
            kept.get(values, || {
                n_made.set(n_made.get() + 1);
                n_made.get()
            })
        };
        assert_eq!(get(["a", "b"]), 1);
        assert_eq!(get(["b", "a"]), 2);
        assert_eq!(get(["a", "b"]), 1);
        for n in 0..2 * MAX_KEPT {
            get(["n", &n.to_string()]);
        }
        assert_eq!(get(["a", "b"]), 1);
        assert_eq!(kept.series.read().len(), MAX_KEPT);
    }
}
