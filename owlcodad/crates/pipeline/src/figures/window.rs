//! How the latest calls ended: one bit each.

use serde::{Deserialize, Serialize};

/// So many of the latest calls are looked at.
pub const WINDOW_CALLS: u32 = 100;

/// Whether each of the latest [`WINDOW_CALLS`] calls had an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Window {
    /// The newest call is the lowest bit; 1 is one without an answer.
    failed: u128,
    /// How many there are; at most [`WINDOW_CALLS`].
    n_calls: u32,
}

/// The same in numbers that every reader of JSON takes.
#[derive(Serialize, Deserialize)]
struct Written {
    n_calls: u32,
    failed: [u64; 2],
}

impl From<Written> for Window {
    fn from(written: Written) -> Self {
        let [high, low] = written.failed.map(u128::from);
        let n_calls = written.n_calls.min(WINDOW_CALLS);
        Self {
            failed: ((high << 64) | low) & mask(n_calls),
            n_calls,
        }
    }
}

impl From<Window> for Written {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of it")]
    fn from(window: Window) -> Self {
        Self {
            n_calls: window.n_calls,
            failed: [(window.failed >> 64) as u64, window.failed as u64],
        }
    }
}

/// The lowest bits.
const fn mask(n_bits: u32) -> u128 {
    (1 << n_bits) - 1
}

impl Window {
    pub(crate) fn push(&mut self, is_answered: bool) {
        self.n_calls = (self.n_calls + 1).min(WINDOW_CALLS);
        self.failed = ((self.failed << 1) | u128::from(!is_answered)) & mask(self.n_calls);
    }

    /// How many calls there are, at most [`WINDOW_CALLS`].
    pub const fn n_calls(&self) -> u32 {
        self.n_calls
    }

    /// How many of them had no answer.
    pub const fn n_failed(&self) -> u32 {
        self.failed.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_call_makes_room_for_the_latest() {
        let mut window = Window::default();
        assert_eq!((window.n_calls(), window.n_failed()), (0, 0));
        for n in 0..WINDOW_CALLS {
            window.push(n >= 7);
        }
        assert_eq!((window.n_calls(), window.n_failed()), (100, 7));
        for expected in [6, 5, 4, 3, 2, 1, 0, 0] {
            window.push(true);
            assert_eq!((window.n_calls(), window.n_failed()), (100, expected));
        }
        window.push(false);
        assert_eq!(window.n_failed(), 1);
    }

    #[test]
    fn what_was_written_down_goes_on_and_an_odd_one_does_no_harm() {
        let mut window = Window::default();
        for n in 0..90 {
            window.push(n % 3 != 0);
        }
        let text = serde_json::to_string(&window).unwrap();
        assert_eq!(serde_json::from_str::<Window>(&text).unwrap(), window);
        let odd =
            r#"{"n_calls": 4000000000, "failed": [18446744073709551615, 18446744073709551615]}"#;
        let mut odd: Window = serde_json::from_str(odd).unwrap();
        assert_eq!((odd.n_calls(), odd.n_failed()), (100, 100));
        odd.push(true);
        assert_eq!((odd.n_calls(), odd.n_failed()), (100, 99));
    }
}
