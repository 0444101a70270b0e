//! Events of a server as values, for whoever acts on them instead of passing them on.

use owlcoda_types::Usage;
use serde_json::value::RawValue;

use super::event::{BlockStart, Delta, StreamEvent};
use super::incoming::{Head, Incoming, Part, read_usage};
use super::response::StopReason;

/// Reads the events of one streamed answer.
///
/// Servers count up over several events; the values carry what is known so far.
#[derive(Debug, Default)]
pub struct EventReader {
    usage: Option<Usage>,
}

impl EventReader {
    /// The event in the data of one frame; none where it is not one of those that
    /// [`StreamEvent`] knows. Never an error event: the relay ends at those.
    pub fn read(&mut self, data: &[u8]) -> Option<StreamEvent> {
        let incoming: Incoming<'_> = crate::json::read(data).ok()?;
        let index = incoming
            .index()
            .and_then(|index| usize::try_from(index).ok());
        match incoming.kind()?.0.as_ref() {
            "message_start" => {
                let message = incoming.message?;
                let head: Head<'_> = serde_json::from_str(message.get()).ok()?;
                if let Some(usage) = head.usage {
                    read_usage(usage, &mut self.usage);
                }
                Some(StreamEvent::MessageStart {
                    id: Part::read(message)
                        .id()
                        .map(|id| id.0.into_owned())
                        .unwrap_or_default(),
                    model: text(head.model).unwrap_or_default(),
                    usage: self.usage.unwrap_or_default(),
                })
            }
            "ping" => Some(StreamEvent::Ping),
            "content_block_start" => {
                let block = Part::read(incoming.content_block?);
                let block = match block.kind()?.0.as_ref() {
                    "text" => BlockStart::Text,
                    "thinking" => BlockStart::Thinking,
                    "tool_use" => BlockStart::ToolUse {
                        id: block.id()?.0.into_owned(),
                        name: block.name()?.0.into_owned(),
                    },
                    _ => return None,
                };
                Some(StreamEvent::ContentBlockStart {
                    index: index?,
                    block,
                })
            }
            "content_block_delta" => {
                let delta = Part::read(incoming.delta?);
                let delta = match delta.kind()?.0.as_ref() {
                    "text_delta" => Delta::Text(text(delta.text)?),
                    "thinking_delta" => Delta::Thinking(text(delta.thinking)?),
                    "input_json_delta" => Delta::InputJson(text(delta.partial_json)?),
                    _ => return None,
                };
                Some(StreamEvent::ContentBlockDelta {
                    index: index?,
                    delta,
                })
            }
            "content_block_stop" => Some(StreamEvent::ContentBlockStop { index: index? }),
            "message_delta" => {
                if let Some(usage) = incoming.usage {
                    read_usage(usage, &mut self.usage);
                }
                let stop_reason = Part::read(incoming.delta?).stop_reason();
                Some(StreamEvent::MessageDelta {
                    stop_reason: stop_reason.unwrap_or(StopReason::EndTurn),
                    stop_sequence: None,
                    usage: self.usage.unwrap_or_default(),
                })
            }
            "message_stop" => Some(StreamEvent::MessageStop),
            _ => None,
        }
    }
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_writes_is_read_with_the_whole_cost_at_the_end() {
        let mut reader = EventReader::default();
        let mut read = |data: &str| reader.read(data.as_bytes());
        let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","model":"m","usage":{"input_tokens":21,"output_tokens":1}}}"#;
        let Some(StreamEvent::MessageStart { id, model, usage }) = read(start) else {
            panic!("no start")
        };
        assert_eq!(
            (id.as_str(), model.as_str(), usage.input_tokens),
            ("msg_1", "m", 21)
        );
        let block =
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        let block_start = StreamEvent::ContentBlockStart {
            index: 0,
            block: BlockStart::Text,
        };
        assert_eq!(read(block), Some(block_start));
        let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Ünï\n"}}"#;
        let growth = StreamEvent::ContentBlockDelta {
            index: 0,
            delta: Delta::Text("Ünï\n".into()),
        };
        assert_eq!(read(delta), Some(growth));
        let end = r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}"#;
        let usage = Usage {
            input_tokens: 21,
            output_tokens: 9,
            ..Usage::default()
        };
        let stop_reason = StopReason::MaxTokens;
        let message_delta = StreamEvent::MessageDelta {
            stop_reason,
            stop_sequence: None,
            usage,
        };
        assert_eq!(read(end), Some(message_delta));
        assert_eq!(
            read(r#"{"type":"message_stop"}"#),
            Some(StreamEvent::MessageStop)
        );
        assert_eq!(read(r#"{"type":"from_the_future"}"#), None);
        assert_eq!(read("not json"), None);
    }
}
