//! The conversation of a chat request: chat messages in, turns of blocks out.
//!
//! Messages of one side that follow each other are one turn. In a user turn the
//! results of tools come first, in their order, since a Messages server wants them
//! right after the calls. What is said as `system` or `developer`, wherever it
//! stands, goes into the system prompt.

use std::borrow::Cow;
use std::collections::HashSet;

use super::chat_parts::{called_input, parts, text_block};
use super::error::TranslateError;
use super::names::{ToolNames, id_for_messages};
use super::request::Dropped;
use super::turns::{MAX_REPAIRED, NO_RESULT, join};
use crate::anthropic::{Block, Content, Message, Role, System, ToolResult, ToolUse};
use crate::json::JsonPart;
use crate::openai::{Fields, Request, whole_text};

/// Comes before an answer that nobody asked for.
const OPENING: &str = "Go on.";

/// What a conversation becomes.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) system: Option<System>,
    pub(super) messages: Vec<Message>,
    pub(super) repaired: Vec<String>,
}

/// Reads the messages of a request.
pub(super) fn conversation(
    request: &Request,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Conversation, TranslateError> {
    let items = match request.get("messages") {
        Some(messages) => messages
            .items()
            .ok_or_else(|| TranslateError::invalid("messages", "expected a list"))?,
        None => Vec::new(),
    };
    let mut turns = Turns {
        names,
        dropped,
        out: Conversation::default(),
        system: Vec::new(),
        role: Role::User,
        results: Vec::new(),
        blocks: Vec::new(),
        open_calls: Vec::new(),
        used_ids: HashSet::new(),
    };
    for (at, json) in items.into_iter().enumerate() {
        turns.message(json, &format!("messages[{at}]"))?;
    }
    turns.end()
}

struct Turns<'out> {
    names: &'out mut ToolNames,
    dropped: &'out mut Dropped,
    out: Conversation,
    system: Vec<Block>,
    /// Whose turn it is.
    role: Role,
    /// Results of the user's turn so far.
    results: Vec<Block>,
    /// All other blocks of the turn so far.
    blocks: Vec<Block>,
    /// Calls without a result.
    open_calls: Vec<Call>,
    used_ids: HashSet<String>,
}

struct Call {
    /// As the caller wrote it.
    id: String,
    /// As the server is told it: no two in a conversation are the same.
    sent_id: String,
}

impl Turns<'_> {
    fn message(&mut self, json: JsonPart<'_>, path: &str) -> Result<(), TranslateError> {
        let fields = Fields::read(json)
            .ok_or_else(|| TranslateError::invalid(path, "expected an object"))?;
        let role = fields.text("role").unwrap_or_default();
        self.drop_fields(&fields, &role, path)?;
        match &*role {
            "system" | "developer" => {
                let said = self.said(&fields, path)?;
                if said.iter().any(|block| !matches!(block, Block::Text(_))) {
                    return Err(TranslateError::invalid(
                        format!("{path}.content"),
                        "expected a string or a list of text parts",
                    ));
                }
                self.system.extend(said);
            }
            "user" => {
                self.turn_of(Role::User);
                let said = self.said(&fields, path)?;
                self.blocks.extend(said);
            }
            "assistant" => {
                self.turn_of(Role::Assistant);
                let said = self.said(&fields, path)?;
                self.blocks.extend(said);
                let refusal = fields.get("refusal").and_then(whole_text);
                self.blocks.extend(refusal.and_then(text_block));
                self.calls(&fields, path)?;
            }
            "tool" => {
                self.turn_of(Role::User);
                self.result(&fields, path)?;
            }
            "function" => {
                return Err(TranslateError::unsupported(
                    path,
                    "a `function` message",
                    "send a `tool` message",
                ));
            }
            _ => {
                return Err(TranslateError::invalid(
                    format!("{path}.role"),
                    "expected `system`, `developer`, `user`, `assistant` or `tool`",
                ));
            }
        }
        Ok(())
    }

    /// Fields without a place in a block: refused where they are what is said.
    fn drop_fields(
        &mut self,
        fields: &Fields<'_>,
        role: &str,
        path: &str,
    ) -> Result<(), TranslateError> {
        for (name, value) in fields.iter() {
            match (role, name) {
                (_, "role" | "content")
                | ("assistant", "refusal" | "tool_calls")
                | ("tool", "tool_call_id") => {}
                _ if matches!(value.get(), "[]" | "{}" | "\"\"") => {}
                ("assistant", "function_call" | "audio") => {
                    return Err(TranslateError::unsupported(
                        format!("{path}.{name}"),
                        format!("`{name}`"),
                        "send `content` and `tool_calls`",
                    ));
                }
                _ => self.dropped.add(&format!("messages.{name}")),
            }
        }
        Ok(())
    }

    fn said(&mut self, fields: &Fields<'_>, path: &str) -> Result<Vec<Block>, TranslateError> {
        match fields.get("content") {
            Some(raw) => parts(raw, &format!("{path}.content"), self.dropped),
            None => Ok(Vec::new()),
        }
    }

    fn calls(&mut self, fields: &Fields<'_>, path: &str) -> Result<(), TranslateError> {
        let Some(raw) = fields.get("tool_calls") else {
            return Ok(());
        };
        let items = raw.items().ok_or_else(|| {
            TranslateError::invalid(format!("{path}.tool_calls"), "expected a list")
        })?;
        for (idx, json) in items.into_iter().enumerate() {
            let path = format!("{path}.tool_calls[{idx}]");
            let call = Fields::read(json).unwrap_or_default();
            let required =
                |name: &str| TranslateError::invalid(format!("{path}.{name}"), "expected a text");
            let id = call.text("id").filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| required("id"))?;
            let kind = call.text("type").unwrap_or(Cow::Borrowed("function"));
            if kind != "function" {
                return Err(TranslateError::unsupported(
                    path,
                    format!("a `{}` call", owlcoda_types::clip(&kind, 80)),
                    "send it as a function call",
                ));
            }
            let function = call
                .get("function")
                .and_then(Fields::read)
                .unwrap_or_default();
            let name = function.text("name").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| required("function.name"))?;
            let input = called_input(&function, &format!("{path}.function.arguments"))?;
            let sent_id = self.unique_id(&id);
            let name = self.names.shorten(&name).into_owned();
            self.blocks
                .push(Block::ToolUse(ToolUse::new(sent_id.as_str(), name, input)));
            self.open_calls.push(Call {
                id: id.into_owned(),
                sent_id,
            });
        }
        Ok(())
    }

    /// Models that number their calls anew in each turn give the same ids again.
    fn unique_id(&mut self, id: &str) -> String {
        let id = id_for_messages(id);
        let mut unique = id.clone().into_owned();
        let mut number = 1;
        while !self.used_ids.insert(unique.clone()) {
            number += 1;
            unique = format!("{id}_{number}");
        }
        unique
    }

    /// A result as the answer to its call, or as text if there is no such call.
    fn result(&mut self, fields: &Fields<'_>, path: &str) -> Result<(), TranslateError> {
        let id = fields.text("tool_call_id").ok_or_else(|| {
            TranslateError::invalid(format!("{path}.tool_call_id"), "field required")
        })?;
        let said = self.said(fields, path)?;
        let open = self.open_calls.iter().position(|call| call.id == id);
        if let Some(open) = open {
            let call = self.open_calls.remove(open);
            let mut result = ToolResult::new(call.sent_id, content_of(said));
            result.content = result.content.take().filter(|content| !is_empty(content));
            self.results.push(Block::ToolResult(result));
            return Ok(());
        }
        let shown = owlcoda_types::clip(&id, 80);
        self.note(format!(
            "{path}: no open call `{shown}` in the turn before; sent as text"
        ));
        self.blocks
            .push(Block::text("[Result of an earlier tool call]"));
        self.blocks.extend(said);
        Ok(())
    }

    fn turn_of(&mut self, role: Role) {
        if self.role != role {
            self.end_turn();
            self.role = role;
        }
    }

    fn end_turn(&mut self) {
        let mut blocks = std::mem::take(&mut self.results);
        if self.role == Role::User {
            for call in std::mem::take(&mut self.open_calls) {
                let shown = owlcoda_types::clip(&call.id, 80);
                self.note(format!(
                    "the call `{shown}` has no result; sent one that says so"
                ));
                let result = ToolResult::new(call.sent_id, NO_RESULT).failed();
                blocks.push(Block::ToolResult(result));
            }
        }
        blocks.append(&mut self.blocks);
        if !blocks.is_empty() {
            let content = content_of(blocks);
            self.out.messages.push(Message::new(self.role, content));
        }
    }

    fn end(mut self) -> Result<Conversation, TranslateError> {
        self.end_turn();
        if !self.open_calls.is_empty() {
            self.turn_of(Role::User);
            self.end_turn();
        }
        self.merge_turns();
        if self.out.messages.is_empty() {
            if self.system.is_empty() {
                return Err(TranslateError::invalid(
                    "messages",
                    "nothing but blank text",
                ));
            }
            self.note("nobody but the system speaks; sent as the user".to_owned());
            let content = system_of(std::mem::take(&mut self.system));
            self.out.messages.push(Message::new(Role::User, content));
        }
        if self
            .out
            .messages
            .first()
            .is_some_and(|first| first.role == Role::Assistant)
        {
            self.note(format!(
                "the conversation begins with an answer; put `{OPENING}` before it"
            ));
            self.out.messages.insert(0, Message::user_text(OPENING));
        }
        self.trim_end();
        if !self.system.is_empty() {
            self.out.system = Some(system_of(self.system));
        }
        Ok(self.out)
    }

    /// A turn of blanks only leaves two of the same side beside each other. The
    /// later holds no results, since there were no calls between the two.
    fn merge_turns(&mut self) {
        let mut merged: Vec<Message> = Vec::with_capacity(self.out.messages.len());
        for message in std::mem::take(&mut self.out.messages) {
            match merged.last_mut() {
                Some(last) if last.role == message.role => {
                    let mut blocks = blocks_of(std::mem::replace(&mut last.content, "".into()));
                    blocks.extend(blocks_of(message.content));
                    last.content = Content::Blocks(blocks);
                }
                _ => merged.push(message),
            }
        }
        self.out.messages = merged;
    }

    /// An answer that the caller has begun may not end in blanks.
    fn trim_end(&mut self) {
        let Some(last) = self.out.messages.last_mut() else {
            return;
        };
        let text = match &mut last.content {
            Content::Text(text) => Some(text),
            Content::Blocks(blocks) => match blocks.last_mut() {
                Some(Block::Text(block)) => Some(&mut block.text),
                _ => None,
            },
            Content::Object(_) => None,
        };
        let Some(text) = text.filter(|_| last.role == Role::Assistant) else {
            return;
        };
        let spoken = text.decoded();
        let kept = spoken.trim_end();
        if kept.len() < spoken.len() {
            *text = kept.into();
            self.note("the begun answer ends in blanks; sent without them".to_owned());
        }
    }

    fn note(&mut self, what: String) {
        if self.out.repaired.len() < MAX_REPAIRED {
            self.out.repaired.push(what);
        }
    }
}

/// A string where there is only one plain text.
fn content_of(mut blocks: Vec<Block>) -> Content {
    match blocks.as_mut_slice() {
        [Block::Text(block)] if block.cache_control.is_none() => {
            Content::Text(std::mem::take(&mut block.text))
        }
        _ => Content::Blocks(blocks),
    }
}

fn blocks_of(content: Content) -> Vec<Block> {
    match content {
        Content::Text(text) => vec![Block::text(text)],
        Content::Blocks(blocks) => blocks,
        Content::Object(_) => Vec::new(),
    }
}

fn is_empty(content: &Content) -> bool {
    match content {
        Content::Text(text) => text.is_empty(),
        Content::Blocks(blocks) => blocks.is_empty(),
        Content::Object(_) => true,
    }
}

/// One text, unless a mark of the prompt cache stands between two.
fn system_of(blocks: Vec<Block>) -> System {
    let is_marked =
        |block: &Block| matches!(block, Block::Text(block) if block.cache_control.is_some());
    if blocks.iter().any(is_marked) {
        return System::Blocks(blocks);
    }
    let texts: Vec<_> = blocks
        .iter()
        .map(|block| match block {
            Block::Text(block) => block.text.decoded(),
            _ => "".into(),
        })
        .collect();
    let joined = join(texts.iter().map(|text| &**text));
    System::Text(joined.unwrap_or_default().into())
}
