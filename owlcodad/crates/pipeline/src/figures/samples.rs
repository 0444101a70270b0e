//! The latest durations of something, and their percentiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most durations that are kept; the oldest makes room.
pub const MAX_SAMPLES: usize = 512;

/// The latest durations, whole milliseconds each, rounded up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Samples {
    millis: Vec<u32>,
    /// Where the next one goes once the list is full.
    next: usize,
    /// How many there were in all.
    n_seen: u64,
}

/// The same as it was written down, by whatever version and with whatever size.
#[derive(Deserialize)]
struct Written {
    millis: Vec<u32>,
    #[serde(default)]
    next: usize,
    #[serde(default)]
    n_seen: u64,
}

impl From<Written> for Samples {
    fn from(written: Written) -> Self {
        let mut millis = written.millis;
        let is_ring = millis.len() == MAX_SAMPLES && written.next < MAX_SAMPLES;
        millis.truncate(MAX_SAMPLES);
        Self {
            next: if is_ring { written.next } else { 0 },
            n_seen: written.n_seen.max(millis.len() as u64),
            millis,
        }
    }
}

/// What the latest durations say, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Durations that this is about; at most [`MAX_SAMPLES`].
    pub n_samples: usize,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// 90 of 100 are at most this.
    pub p90: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
}

impl Samples {
    pub(crate) fn push(&mut self, duration: Duration) {
        let millis = duration.as_nanos().div_ceil(1_000_000);
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        self.n_seen += 1;
        if self.millis.len() < MAX_SAMPLES {
            self.millis.push(millis);
        } else if let Some(oldest) = self.millis.get_mut(self.next) {
            *oldest = millis;
            self.next = (self.next + 1) % MAX_SAMPLES;
        }
    }

    /// How many there were in all.
    pub const fn n_seen(&self) -> u64 {
        self.n_seen
    }

    /// What the latest of them say; `None` before the first.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.millis.clone();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let sum: u64 = sorted.iter().copied().map(u64::from).sum();
        #[expect(clippy::cast_precision_loss, reason = "at most 512 numbers of 32 bits")]
        let mean = sum as f64 / sorted.len() as f64;
        Some(Percentiles {
            n_samples: sorted.len(),
            min: f64::from(min),
            max: f64::from(max),
            mean,
            p50: at(&sorted, 50),
            p90: at(&sorted, 90),
            p95: at(&sorted, 95),
            p99: at(&sorted, 99),
        })
    }
}

/// Between the two nearest of `sorted`, in proportion.
fn at(sorted: &[u32], percent: usize) -> f64 {
    let position = sorted.len().saturating_sub(1) * percent;
    let (below, rest) = (position / 100, position % 100);
    let value = |idx: usize| f64::from(sorted.get(idx).copied().unwrap_or_default());
    if rest == 0 {
        return value(below);
    }
    #[expect(clippy::cast_precision_loss, reason = "less than 100")]
    let share = rest as f64 / 100.0;
    value(below) + (value(below + 1) - value(below)) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        for millis in millis {
            samples.push(Duration::from_millis(millis));
        }
        samples
    }

    #[test]
    fn percentiles_lie_between_the_nearest_two_in_proportion() {
        let found = of([40, 10, 30, 20]).percentiles().unwrap();
        let expected = Percentiles {
            n_samples: 4,
            min: 10.0,
            max: 40.0,
            mean: 25.0,
            p50: 25.0,
            p90: 37.0,
            p95: 38.5,
            p99: 39.7,
        };
        assert_eq!(found, expected);
        let one = of([7]).percentiles().unwrap();
        assert_eq!((one.p50, one.p99, one.mean), (7.0, 7.0, 7.0));
        assert_eq!(of([]).percentiles(), None);
    }

    #[test]
    fn what_was_written_down_goes_on_and_an_odd_one_does_no_harm() {
        let samples = of(0..600);
        let text = serde_json::to_string(&samples).unwrap();
        assert_eq!(serde_json::from_str::<Samples>(&text).unwrap(), samples);
        let long = format!(r#"{{"millis": {:?}, "next": 9999}}"#, vec![7; 2000]);
        let mut odd: Samples = serde_json::from_str(&long).unwrap();
        odd.push(Duration::from_millis(9));
        let found = odd.percentiles().unwrap();
        assert_eq!((found.n_samples, found.max), (MAX_SAMPLES, 9.0));
    }

    #[test]
    fn the_oldest_make_room_for_the_latest() {
        let n = MAX_SAMPLES as u64;
        let samples = of(0..n + 10);
        let found = samples.percentiles().unwrap();
        assert_eq!(
            (found.min, found.max),
            (10.0, f64::from(u32::try_from(n).unwrap()) + 9.0)
        );
        assert_eq!((found.n_samples, samples.n_seen()), (MAX_SAMPLES, n + 10));
    }
}
