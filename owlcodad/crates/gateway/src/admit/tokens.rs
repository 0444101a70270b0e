//! The token in force, and the one before it for a while longer.

use std::time::{Duration, Instant};

use owlcoda_supervise::Live;

use super::Token;

/// What opens. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Live<InForce>);

#[derive(Clone, Debug)]
struct InForce {
    token: Token,
    /// The one before it, and until when it opens.
    former: Option<(Token, Instant)>,
}

impl Tokens {
    pub(crate) fn new(token: Token) -> Self {
        let former = None;
        Self(Live::new(InForce { token, former }))
    }

    /// The one that opens from now on.
    pub(crate) fn current(&self) -> Token {
        self.0.current().token.clone()
    }

    /// Puts `token` in force; the one before it opens for `grace` longer.
    pub(crate) fn replace(&self, token: Token, grace: Duration, now: Instant) {
        let former = (!grace.is_zero()).then(|| (self.current(), now + grace));
        self.0.replace(InForce { token, former });
    }

    /// Whether `given` opens. `now` is asked for only where that matters.
    pub(crate) fn open_to(&self, given: &[u8], now: impl FnOnce() -> Instant) -> bool {
        let in_force = self.0.current();
        in_force.token.is(given)
            || matches!(&in_force.former, Some((token, end)) if token.is(given) && now() < *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_before_opens_for_its_grace_and_no_longer() {
        let now = Instant::now();
        let tokens = Tokens::new(Token::of("first"));
        tokens.replace(Token::of("second"), Duration::from_mins(1), now);
        assert!(tokens.open_to(b"second", || now) && tokens.open_to(b"first", || now));
        assert!(!tokens.open_to(b"first", || now + Duration::from_mins(1)));
        tokens.replace(Token::of("third"), Duration::from_mins(1), now);
        assert!(tokens.open_to(b"second", || now) && !tokens.open_to(b"first", || now));
        tokens.replace(Token::of("fourth"), Duration::ZERO, now);
        assert!(tokens.open_to(b"fourth", || now) && !tokens.open_to(b"third", || now));
    }
}
