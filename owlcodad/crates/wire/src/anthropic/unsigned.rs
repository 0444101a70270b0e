//! Thoughts in a conversation that no server has signed.
//!
//! Models of chat servers think too, and their thoughts reach the caller without a
//! signature. A server that signs refuses the whole conversation for one of them,
//! so a caller who changes the model in the middle could not go on.

use super::block::Block;
use super::content::Content;
use super::request::{Request, Role};

impl Request {
    /// Takes out the thoughts that no server has signed, and answers how many
    /// there were. If any, the caller's own bytes are no longer what to send: use
    /// `to_upstream` in place of `rename_model`.
    fn drop_unsigned_thinking(&mut self) -> usize {
        let mut n_dropped = 0;
        self.messages.retain_mut(|message| {
            let Content::Blocks(blocks) = &mut message.content else {
                return true;
            };
            let n_before = blocks.len();
            if message.role == Role::Assistant {
                blocks.retain(|block| !is_unsigned(block));
            }
            n_dropped += n_before - blocks.len();
            // No server takes a message that says nothing.
            n_before == blocks.len() || !blocks.is_empty()
        });
        n_dropped
    }

    /// The request without thinking that no server has signed; none where there is no such, and the
    /// body can go as it came.
    pub fn without_unsigned_thinking(&self) -> Option<Self> {
        let has_some = self.messages.iter().any(|message| match &message.content {
            Content::Blocks(blocks) => blocks.iter().any(is_unsigned),
            _ => false,
        });
        has_some.then(|| {
            let mut kept = self.clone();
            kept.drop_unsigned_thinking();
            kept
        })
    }
}

fn is_unsigned(block: &Block) -> bool {
    match block {
        Block::Thinking(block) => block.signature.as_deref().unwrap_or_default().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_thoughts_without_a_signature_are_taken_out() {
        let body = concat!(
            r#"{"model":"m","messages":[{"role":"user","content":"a"},"#,
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":""}]},"#,
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"y","signature":"s"},{"type":"thinking","thinking":"z"},{"type":"text","text":"b"}]}"#,
            r#"],"max_tokens":1}"#
        );
        let mut request = Request::parse(body.as_bytes()).unwrap();
        assert_eq!(request.drop_unsigned_thinking(), 2);
        assert_eq!(
            request.to_upstream("m"),
            concat!(
                r#"{"model":"m","messages":[{"role":"user","content":"a"},"#,
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"y","signature":"s"},{"type":"text","text":"b"}]}"#,
                r#"],"max_tokens":1}"#
            )
        );
        assert_eq!(request.drop_unsigned_thinking(), 0);
    }
}
