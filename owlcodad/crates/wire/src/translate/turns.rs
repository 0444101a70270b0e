//! The conversation: blocks of turns in, chat messages out.
//!
//! Messages of one side that follow each other are one turn. In a user turn the
//! tool results come first, one `tool` message each, in the order of the calls,
//! since chat servers want them right after the call; then one user message with
//! the rest in its order. Pictures of a tool result go into that user message.
//! Whatever the caller's client says in the middle (role `system`) stays in its
//! place, inside a tag of the user turn, because most templates allow a system
//! message only at the start.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::chat_body::{
    ChatCalledFunction, ChatContent, ChatMessage, ChatPart, ChatToolCall, ImageUrl, Thought,
};
use super::error::TranslateError;
use super::media;
use super::names::{ToolNames, id_for_upstream};
use super::request::Dropped;
use super::target::Target;
use crate::anthropic::{Block, Content, Document, Message, Request, Role, ToolResult, ToolUse};
use crate::json::Escaped;
use crate::quirks::{PastThinking, Quirks};

pub(super) const NO_RESULT: &str = "Error: this call was interrupted; it has no result.";
/// Most repairs that are told; a history with more is broken as a whole.
pub(super) const MAX_REPAIRED: usize = 20;

const SEE_BELOW: &str = "(The picture is in the next message.)";

/// Adds the conversation to `out`. Answers what had to be put right, in words.
pub(super) fn messages<'a>(
    request: &'a Request,
    target: &Target<'_>,
    out: &mut Vec<ChatMessage<'a>>,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Vec<String>, TranslateError> {
    let mut turns = Turns {
        out,
        names,
        dropped,
        repaired: Vec::new(),
        quirks: &target.quirks,
        open_calls: Vec::new(),
    };
    let mut at = n_leading_system(request);
    let mut rest = request.messages.get(at..).unwrap_or_default();
    while let Some(first) = rest.first() {
        let is_assistant = first.role == Role::Assistant;
        let length = rest
            .iter()
            .take_while(|message| (message.role == Role::Assistant) == is_assistant)
            .count();
        let (turn, after) = rest.split_at(length);
        if is_assistant {
            turns.assistant(turn, at)?;
        } else {
            turns.user(turn, at)?;
        }
        at += length;
        rest = after;
    }
    turns.answer_open_calls(HashMap::new());
    Ok(turns.repaired)
}

/// How many messages say something as `system` before anyone else speaks. They go
/// into the system prompt, unless there is nothing else.
pub(super) fn n_leading_system(request: &Request) -> usize {
    let mut messages = request.messages.iter();
    messages
        .position(|message| message.role != Role::System)
        .unwrap_or_default()
}

/// Texts that are not blank, with a blank line between them.
pub(super) fn join<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let mut joined: Option<Cow<'a, str>> = None;
    for text in texts.filter(|text| !text.trim().is_empty()) {
        match &mut joined {
            None => joined = Some(Cow::Borrowed(text)),
            Some(joined) => {
                let joined = joined.to_mut();
                joined.push_str("\n\n");
                joined.push_str(text);
            }
        }
    }
    joined
}

struct Turns<'out, 'a> {
    out: &'out mut Vec<ChatMessage<'a>>,
    names: &'out mut ToolNames,
    dropped: &'out mut Dropped,
    repaired: Vec<String>,
    quirks: &'out Quirks,
    /// The calls of the last assistant turn that no result has answered, in order.
    open_calls: Vec<&'a str>,
}

/// What the tools answered, by the id of the call; none for a call still open.
type Answers<'a> = HashMap<&'a str, Option<Escaped<'a>>>;

impl<'a> Turns<'_, 'a> {
    fn assistant(&mut self, turn: &'a [Message], at: usize) -> Result<(), TranslateError> {
        let mut content: Option<Escaped<'a>> = None;
        let mut thoughts: Vec<&'a str> = Vec::new();
        let mut tool_calls = Vec::new();
        for (message, at) in turn.iter().zip(at..) {
            let blocks = match &message.content {
                Content::Text(text) => {
                    text.escaped().join_to(&mut content);
                    continue;
                }
                Content::Blocks(blocks) => blocks,
                Content::Object(_) => return Err(bad_content(at)),
            };
            for (idx, block) in blocks.iter().enumerate() {
                match block {
                    Block::Text(block) => {
                        self.note_marks(block.cache_control.is_some(), block.citations.is_some());
                        block.text.escaped().join_to(&mut content);
                    }
                    Block::ToolUse(call) => {
                        self.note_marks(call.cache_control.is_some(), false);
                        tool_calls.push(self.call(call));
                    }
                    Block::Thinking(block) => match self.quirks.past_thinking {
                        PastThinking::Drop => self.dropped.add("thinking of earlier turns"),
                        _ => thoughts.push(&block.thinking),
                    },
                    Block::RedactedThinking(_) => self.dropped.add("redacted_thinking"),
                    other => {
                        return Err(unsupported_block(
                            other,
                            format_args!("messages[{at}].content[{idx}]"),
                        ));
                    }
                }
            }
        }
        if content.is_none() && tool_calls.is_empty() {
            // Nothing but blanks or thoughts: no server takes an empty turn.
            return Ok(());
        }
        let thoughts = join(thoughts.into_iter()).map(Cow::into_owned);
        let field = match self.quirks.past_thinking {
            PastThinking::Drop | PastThinking::InText => None,
            PastThinking::Reasoning => Some("reasoning"),
            PastThinking::ReasoningContent | PastThinking::ReasoningContentWithCalls => {
                Some("reasoning_content")
            }
        };
        let thought = match (field, thoughts) {
            (Some(field), Some(text)) => Some(Thought { field, text }),
            (Some(field), None) => {
                let is_asked_for =
                    self.quirks.past_thinking == PastThinking::ReasoningContentWithCalls;
                // An empty text counts as none.
                let text = " ".to_owned();
                (is_asked_for && !tool_calls.is_empty()).then_some(Thought { field, text })
            }
            (None, Some(text)) => {
                let spoken = content.unwrap_or(Escaped::plain(""));
                let thought = format!("<think>\n{text}\n</think>\n\n");
                content = Some(spoken.between(&thought, ""));
                None
            }
            (None, None) => None,
        };
        self.out.push(ChatMessage::Assistant {
            content,
            thought,
            tool_calls,
            is_partial: false,
        });
        Ok(())
    }

    fn call(&mut self, call: &'a ToolUse) -> ChatToolCall<'a> {
        self.open_calls.push(&call.id);
        ChatToolCall {
            id: id_for_upstream(&call.id),
            kind: "function",
            function: ChatCalledFunction {
                name: self.names.shorten(&call.name),
                arguments: match call.input.get() {
                    "null" => "{}",
                    input => input,
                },
            },
        }
    }

    fn user(&mut self, turn: &'a [Message], at: usize) -> Result<(), TranslateError> {
        let mut answers: Answers<'a> = self.open_calls.iter().map(|id| (*id, None)).collect();
        let mut parts = Vec::new();
        for (message, at) in turn.iter().zip(at..) {
            let blocks = match &message.content {
                Content::Text(text) => {
                    push_text(&mut parts, said_by(message.role, text.escaped()));
                    continue;
                }
                Content::Blocks(blocks) => blocks,
                Content::Object(_) => return Err(bad_content(at)),
            };
            for (idx, block) in blocks.iter().enumerate() {
                let path = format_args!("messages[{at}].content[{idx}]");
                match block {
                    Block::ToolResult(result) => {
                        self.note_marks(result.cache_control.is_some(), false);
                        self.result(result, path, &mut answers, &mut parts)?;
                    }
                    Block::Text(block) => {
                        self.note_marks(block.cache_control.is_some(), block.citations.is_some());
                        push_text(&mut parts, said_by(message.role, block.text.escaped()));
                    }
                    block => parts.push(self.part(block, path)?),
                }
            }
        }
        self.answer_open_calls(answers);
        if !parts.is_empty() {
            let content = content_of(parts);
            self.out.push(ChatMessage::User { content });
        }
        Ok(())
    }

    /// A result as the answer to its call, or as text if there is no such call.
    fn result(
        &mut self,
        result: &'a ToolResult,
        path: fmt::Arguments<'_>,
        answers: &mut Answers<'a>,
        parts: &mut Vec<ChatPart<'a>>,
    ) -> Result<(), TranslateError> {
        let id = result.tool_use_id.as_str();
        let mut pictures = Vec::new();
        let text = self.result_text(result, path, &mut pictures)?;
        if let Some(answer @ None) = answers.get_mut(id) {
            *answer = Some(text);
        } else {
            let shown = owlcoda_types::clip(id, 80);
            self.note_repair(format!(
                "{path}: no open call `{shown}` in the turn before; sent as text"
            ));
            let text = text.between("[Result of an earlier tool call]\n", "");
            push_text(parts, text);
        }
        parts.append(&mut pictures);
        Ok(())
    }

    fn result_text(
        &mut self,
        result: &'a ToolResult,
        path: fmt::Arguments<'_>,
        pictures: &mut Vec<ChatPart<'a>>,
    ) -> Result<Escaped<'a>, TranslateError> {
        let mut texts: Vec<Escaped<'a>> = Vec::new();
        match &result.content {
            None => {}
            Some(Content::Text(text)) => texts.push(text.escaped()),
            Some(Content::Blocks(blocks)) => {
                for (idx, block) in blocks.iter().enumerate() {
                    let path = format_args!("{path}.content[{idx}]");
                    match block {
                        Block::Text(block) => {
                            let is_cited = block.citations.is_some();
                            self.note_marks(block.cache_control.is_some(), is_cited);
                            texts.push(block.text.escaped());
                        }
                        Block::Image(_) => {
                            pictures.push(self.part(block, path)?);
                            texts.push(Escaped::plain(SEE_BELOW));
                        }
                        Block::Document(document) => {
                            texts.push(Escaped::of(&self.document(document, path)?));
                        }
                        other => return Err(unsupported_block(other, path)),
                    }
                }
            }
            Some(Content::Object(_)) => {
                return Err(TranslateError::invalid(
                    format!("{path}.content"),
                    "expected a string or a list of content blocks",
                ));
            }
        }
        let text = match texts.len() {
            // As it is, blank or not: it is what the tool said.
            1 => texts.pop(),
            _ => Escaped::joined(texts),
        };
        let text = text.unwrap_or(Escaped::plain(""));
        Ok(if result.is_error == Some(true) {
            text.between("Error: ", "")
        } else {
            text
        })
    }

    /// Sends the answers in the order of the calls; one without an answer gets one.
    fn answer_open_calls(&mut self, mut answers: Answers<'a>) {
        for id in std::mem::take(&mut self.open_calls) {
            let content = answers.remove(id).flatten().unwrap_or_else(|| {
                let shown = owlcoda_types::clip(id, 80);
                self.note_repair(format!(
                    "the call `{shown}` has no result; sent one that says so"
                ));
                Escaped::plain(NO_RESULT)
            });
            self.out.push(ChatMessage::Tool {
                tool_call_id: id_for_upstream(id),
                content,
            });
        }
    }

    fn part(
        &mut self,
        block: &'a Block,
        path: fmt::Arguments<'_>,
    ) -> Result<ChatPart<'a>, TranslateError> {
        match block {
            Block::Image(image) => {
                self.note_marks(image.cache_control.is_some(), false);
                Ok(ChatPart::ImageUrl {
                    image_url: ImageUrl {
                        url: media::image_url(image, self.quirks.pictures, &path.to_string())?,
                    },
                })
            }
            Block::Document(document) => Ok(ChatPart::Text {
                text: Escaped::of(&self.document(document, path)?),
            }),
            other => Err(unsupported_block(other, path)),
        }
    }

    fn document(
        &mut self,
        document: &'a Document,
        path: fmt::Arguments<'_>,
    ) -> Result<String, TranslateError> {
        self.note_marks(
            document.cache_control.is_some(),
            document.citations.is_some(),
        );
        media::document(document, &path.to_string())
    }

    fn note_repair(&mut self, what: String) {
        if self.repaired.len() < MAX_REPAIRED {
            self.repaired.push(what);
        }
    }

    fn note_marks(&mut self, has_cache_control: bool, has_citations: bool) {
        if has_cache_control {
            self.dropped.add("cache_control");
        }
        if has_citations {
            self.dropped.add("citations");
        }
    }
}

fn said_by(role: Role, text: Escaped<'_>) -> Escaped<'_> {
    if role == Role::System && !text.is_blank() {
        text.between("<system-reminder>\n", "\n</system-reminder>")
    } else {
        text
    }
}

fn push_text<'a>(parts: &mut Vec<ChatPart<'a>>, text: Escaped<'a>) {
    if !text.is_blank() {
        parts.push(ChatPart::Text { text });
    }
}

/// A string where all parts are text.
fn content_of(parts: Vec<ChatPart<'_>>) -> ChatContent<'_> {
    if parts
        .iter()
        .any(|part| matches!(part, ChatPart::ImageUrl { .. }))
    {
        return ChatContent::Parts(parts);
    }
    let texts = parts.into_iter().filter_map(|part| match part {
        ChatPart::Text { text } => Some(text),
        ChatPart::ImageUrl { .. } => None,
    });
    ChatContent::Text(Escaped::joined(texts).unwrap_or(Escaped::plain("")))
}

fn bad_content(message: usize) -> TranslateError {
    TranslateError::invalid(
        format!("messages[{message}].content"),
        "expected a string or a list of content blocks",
    )
}

fn unsupported_block(block: &Block, path: fmt::Arguments<'_>) -> TranslateError {
    let kind = owlcoda_types::clip(block.kind(), 80);
    TranslateError::unsupported(
        path.to_string(),
        format!("a `{kind}` block"),
        "leave it out here",
    )
}
