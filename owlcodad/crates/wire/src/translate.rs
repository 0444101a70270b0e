//! Translation between the two protocols, and the relay that only renames the model.

mod arguments;
mod blocks;
mod calls;
mod chat_body;
mod chat_chunk;
mod chat_parts;
mod chat_request;
mod chat_tools;
mod chat_turns;
mod delta;
mod error;
mod estimate;
mod finish;
mod keywords;
mod media;
mod messages_relay;
mod messages_response;
mod messages_to_chat;
mod names;
mod relay;
mod request;
mod response;
mod schema;
mod sequence;
mod stream;
mod target;
mod think_tag;
mod thinking;
mod tools;
mod turns;
mod written_calls;

pub use chat_request::{MessagesBody, chat_to_messages};
pub use error::{StreamFault, TranslateError};
pub use estimate::estimate_input_tokens;
pub use messages_relay::{MessagesRelay, Relayed, relay_messages_response};
pub use messages_response::messages_response_to_chat;
pub use messages_to_chat::{ChatContext, MessagesToChat};
pub use names::ToolNames;
pub use relay::{ChatRelay, RelayContext};
pub use request::{ChatBody, messages_to_chat};
pub use response::{Converted, chat_response_to_messages, relay_chat_response};
pub use stream::{ChatToMessages, StreamContext};
pub use target::Target;
pub use written_calls::WrittenCalls;

/// What the translation of a whole answer needs to know: the same as that of a stream.
pub type ResponseContext = StreamContext;

/// The payload that ends a chat stream. The relay swallows the model server's;
/// whoever writes the stream sends it after a clean `finish`.
pub const DONE: &[u8] = b"[DONE]";

/// Whether the data of a frame that could not be read was meant to be an event: a part of the answer
/// is lost with it. What some servers send to keep a connection open is not, and loses nothing.
fn is_broken(data: &[u8]) -> bool {
    data.trim_ascii_start().first() == Some(&b'{')
}
