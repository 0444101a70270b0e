//! Decides how long a lost daemon is waited for. Pure: time is an argument.

use std::time::{Duration, Instant};

/// How long a daemon may be away before we give up.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Waits that double from 50 ms to 1 s, until the daemon was away for [`LIMIT`].
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// When the daemon was first missed; none while all is well.
    since: Option<Instant>,
    n_losses: u32,
}

impl Patience {
    /// The daemon is missed, again or still: how long to wait before the next try, if at all.
    pub(crate) fn on_loss(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let left = LIMIT.checked_sub(now.saturating_duration_since(since))?;
        let factor = 2_u32.saturating_pow(self.n_losses);
        self.n_losses = self.n_losses.saturating_add(1);
        let wait = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        (!left.is_zero()).then(|| wait.min(left))
    }

    /// The daemon said something new: the next loss is a first one.
    pub(crate) fn on_progress(&mut self) {
        *self = Self::default();
    }

    /// Whether the daemon was missed and nothing new came since.
    pub(crate) const fn is_tried(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_after_the_limit() {
        let mut patience = Patience::default();
        let start = Instant::now();
        let mut now = start;
        let mut waits = Vec::new();
        while let Some(wait) = patience.on_loss(now) {
            waits.push(wait.as_millis());
            now += wait;
        }
        assert_eq!(waits.get(..6), Some(&[50, 100, 200, 400, 800, 1000][..]));
        assert_eq!(now - start, LIMIT);
    }

    #[test]
    fn news_from_the_daemon_restores_patience() {
        let mut patience = Patience::default();
        let start = Instant::now();
        patience.on_loss(start);
        assert_eq!(patience.on_loss(start + LIMIT), None);
        patience.on_progress();
        assert!(!patience.is_tried());
        assert_eq!(patience.on_loss(start + LIMIT), Some(FIRST_WAIT));
    }
}
