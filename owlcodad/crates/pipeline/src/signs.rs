//! What of a request tells what it is about, in either dialect.

use owlcoda_models::intent::{MAX_TEXT_BYTES, Signs};
use owlcoda_wire::anthropic::{self, Block, Content, Role};
use owlcoda_wire::{JsonPart, openai};
use serde::Deserialize;
use serde_json::Value;

use crate::call::Request;

/// Most tools that are looked at.
const MAX_TOOLS: usize = 64;

/// Reads the signs off `request`.
pub(crate) fn of(request: &Request) -> Signs {
    match request {
        Request::Messages(request) => of_messages(request),
        Request::Chat(request) => of_chat(request),
    }
}

fn of_messages(request: &anthropic::Request) -> Signs {
    let tools = request.tools.iter().take(MAX_TOOLS);
    let mut said = String::new();
    let from_person = |message: &&anthropic::Message| message.role == Role::User;
    // The last message of a person may hold only what tools answered.
    for message in request.messages.iter().rev().filter(from_person) {
        add_content(&mut said, &message.content);
        if !said.is_empty() {
            break;
        }
    }
    let mut system = String::new();
    if let Some(prompt) = &request.system {
        add_content(&mut system, prompt);
    }
    Signs {
        tools: tools.map(|tool| tool.name.clone()).collect(),
        system: beginning(&system).to_owned(),
        said: end(&said).to_owned(),
    }
}

fn add_content(out: &mut String, content: &Content) {
    match content {
        Content::Text(text) => out.push_str(&text.decoded()),
        Content::Object(_) => {}
        Content::Blocks(blocks) => {
            for block in blocks {
                if let Block::Text(text) = block {
                    out.push_str(&text.text.decoded());
                    out.push('\n');
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct ChatMessage {
    role: String,
    #[serde(default)]
    content: Value,
}

fn of_chat(request: &openai::Request) -> Signs {
    let messages = request.get("messages");
    let messages: Vec<ChatMessage> = messages.and_then(JsonPart::read).unwrap_or_default();
    let mut system = String::new();
    let from_system = |message: &&ChatMessage| matches!(&*message.role, "system" | "developer");
    for message in messages.iter().filter(from_system) {
        add_value(&mut system, &message.content);
    }
    let mut said = String::new();
    if let Some(message) = messages.iter().rev().find(|message| message.role == "user") {
        add_value(&mut said, &message.content);
    }
    Signs {
        tools: chat_tools(request),
        system: beginning(&system).to_owned(),
        said: end(&said).to_owned(),
    }
}

/// A text, or the texts of a list of parts.
fn add_value(out: &mut String, content: &Value) {
    match content {
        Value::String(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Value::Array(parts) => {
            for part in parts {
                add_value(out, part.get("text").unwrap_or(&Value::Null));
            }
        }
        _ => {}
    }
}

fn chat_tools(request: &openai::Request) -> Vec<String> {
    let tools = request.get("tools");
    let tools: Vec<Value> = tools.and_then(JsonPart::read).unwrap_or_default();
    let name = |tool: &Value| tool.pointer("/function/name")?.as_str().map(str::to_owned);
    tools.iter().take(MAX_TOOLS).filter_map(name).collect()
}

fn beginning(text: &str) -> &str {
    let mut at = MAX_TEXT_BYTES.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at(at).0
}

fn end(text: &str) -> &str {
    let mut at = text.len().saturating_sub(MAX_TEXT_BYTES);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    text.split_at(at).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(body: &str) -> Signs {
        of(&Request::Messages(Box::new(
            anthropic::Request::parse(body.as_bytes()).unwrap(),
        )))
    }

    fn chat(body: &str) -> Signs {
        of(&Request::Chat(Box::new(
            openai::Request::parse(body.as_bytes()).unwrap(),
        )))
    }

    #[test]
    fn both_dialects_give_the_same_signs() {
        let expected = Signs {
            tools: vec!["Bash".to_owned()],
            system: "You code.\n".to_owned(),
            said: "Fix it.\n".to_owned(),
        };
        let found = messages(
            r#"{"model": "m", "max_tokens": 1, "system": [{"type": "text", "text": "You code."}],
            "tools": [{"name": "Bash", "input_schema": {}}], "messages": [
                {"role": "user", "content": "Old."},
                {"role": "user", "content": [{"type": "text", "text": "Fix it."}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}]}"#,
        );
        assert_eq!(found, expected);
        let found = chat(
            r#"{"model": "m", "tools": [{"type": "function", "function": {"name": "Bash"}}, 7],
            "messages": [{"role": "system", "content": "You code."}, {"role": "user", "content": "Old."},
                {"role": "user", "content": [{"type": "text", "text": "Fix it."}, {"type": "image_url"}]},
                {"role": "tool", "content": "done"}]}"#,
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn of_long_texts_only_what_counts_is_looked_at() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let found = chat(&format!(
            r#"{{"model": "m", "messages": [{{"role": "system", "content": "{long}"}},
            {{"role": "user", "content": "{long}"}}]}}"#
        ));
        for text in [found.system, found.said] {
            assert!(
                (MAX_TEXT_BYTES - 2..=MAX_TEXT_BYTES).contains(&text.len()),
                "{}",
                text.len()
            );
        }
    }
}
