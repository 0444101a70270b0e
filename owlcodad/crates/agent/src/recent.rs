//! Remembers the answers to the last requests, so that one that comes twice is carried out once.

use std::collections::VecDeque;

use crate::AgentError;

/// Longest name that a client may give a request, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Answers by the client's name of the request, at most `N`; the oldest is forgotten.
#[derive(Debug)]
pub(crate) struct Recent<T, const N: usize> {
    answers: VecDeque<(String, T)>,
}

impl<T, const N: usize> Default for Recent<T, N> {
    fn default() -> Self {
        Self {
            answers: VecDeque::new(),
        }
    }
}

impl<T: Copy, const N: usize> Recent<T, N> {
    /// What `request_id` was answered. Nothing is known of the empty name.
    pub(crate) fn get(&self, request_id: &str) -> Option<T> {
        let mut answers = self.answers.iter();
        answers
            .find(|(id, _)| !request_id.is_empty() && id == request_id)
            .map(|(_, answer)| *answer)
    }

    /// Keeps the answer, unless the request has no name.
    pub(crate) fn keep(&mut self, request_id: &str, answer: T) {
        if request_id.is_empty() {
            return;
        }
        if self.answers.len() >= N {
            self.answers.pop_front();
        }
        self.answers.push_back((request_id.to_owned(), answer));
    }
}

/// Whether the name is fit to be kept.
pub(crate) fn check_request_id(request_id: &str) -> Result<(), AgentError> {
    if request_id.len() > MAX_REQUEST_ID_BYTES {
        return Err(AgentError::Invalid("a request id has at most 128 bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_known_and_older_ones_forgotten() {
        let mut recent = Recent::<u32, 2>::default();
        for (id, answer) in [("a", 1), ("", 9), ("b", 2), ("c", 3)] {
            recent.keep(id, answer);
        }
        let found = ["a", "b", "c", ""].map(|id| recent.get(id));
        assert_eq!(found, [None, Some(2), Some(3), None]);
    }
}
