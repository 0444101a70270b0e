//! What is asked.

use serde_json::{Value, json};

/// The name of the model in every request.
pub(crate) const MODEL: &str = "mock-model";

/// One kind of request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    is_messages: bool,
    pub(crate) is_stream: bool,
    is_big: bool,
}

impl Case {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('-').collect();
        let [dialect, mode, size] = parts.as_slice() else {
            return None;
        };
        let pick = |given: &str, yes: &str, no: &str| match given {
            _ if given == yes => Some(true),
            _ if given == no => Some(false),
            _ => None,
        };
        Some(Self {
            is_messages: pick(dialect, "messages", "chat")?,
            is_stream: pick(mode, "stream", "unary")?,
            is_big: pick(size, "big", "small")?,
        })
    }

    pub(crate) const fn path(self) -> &'static str {
        if self.is_messages {
            "/v1/messages"
        } else {
            "/v1/chat/completions"
        }
    }

    pub(crate) fn body(self) -> String {
        let mut body = match (self.is_messages, self.is_big) {
            (_, false) => json!({
                "messages": [{"role": "user", "content": "Write a haiku about owls."}],
            }),
            (true, true) => messages_turn(),
            (false, true) => chat_turn(),
        };
        for (name, value) in [
            ("model", json!(MODEL)),
            ("max_tokens", json!(4096)),
            ("stream", json!(self.is_stream)),
        ] {
            if let Value::Object(fields) = &mut body {
                fields.insert(name.to_owned(), value);
            }
        }
        body.to_string()
    }
}

const N_TOOLS: usize = 20;
const N_FILES: usize = 5;

fn system() -> String {
    "You are a careful engineer. Read before you write, and say what you changed.\n".repeat(60)
}

fn file() -> String {
    "    let value = map.get(\"key\").copied().unwrap_or_default();\n".repeat(120)
}

fn description() -> String {
    "Does one thing to a file, and says what it found.\nSee also the other tools. ".repeat(9)
}

fn schema() -> Value {
    let about = "What this argument stands for, and when to leave it out. ".repeat(4);
    let property = json!({"type": "string", "description": about});
    json!({
        "type": "object",
        "properties": {"path": property, "pattern": property, "limit": property, "offset": property},
        "required": ["path"],
    })
}

/// A coding agent's turn, about 80 KB.
fn messages_turn() -> Value {
    let tools = (0..N_TOOLS).map(|idx| {
        let name = format!("tool_{idx}");
        json!({"name": name, "description": description(), "input_schema": schema()})
    });
    let turn = |idx: usize| {
        let id = format!("toolu_{idx}");
        let input = json!({"path": "src/main.rs"});
        [
            json!({"role": "user", "content": [{"type": "text", "text": "Read the file."}]}),
            json!({"role": "assistant", "content": [
                {"type": "tool_use", "id": id, "name": "tool_1", "input": input}]}),
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": id, "content": file()}]}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "It reads a map."}]}),
        ]
    };
    let mut messages: Vec<_> = (0..N_FILES).flat_map(turn).collect();
    messages.push(json!({"role": "user", "content": "Go on."}));
    json!({"system": system(), "tools": tools.collect::<Vec<_>>(), "messages": messages})
}

/// The same in the other dialect.
fn chat_turn() -> Value {
    let tools = (0..N_TOOLS).map(|idx| {
        let name = format!("tool_{idx}");
        let function = json!({"name": name, "description": description(), "parameters": schema()});
        json!({"type": "function", "function": function})
    });
    let turn = |idx: usize| {
        let id = format!("call_{idx}");
        let function = json!({"name": "tool_1", "arguments": "{\"path\":\"src/main.rs\"}"});
        [
            json!({"role": "user", "content": "Read the file."}),
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": id, "type": "function", "function": function}]}),
            json!({"role": "tool", "tool_call_id": id, "content": file()}),
            json!({"role": "assistant", "content": "It reads a map."}),
        ]
    };
    let mut messages = vec![json!({"role": "system", "content": system()})];
    messages.extend((0..N_FILES).flat_map(turn));
    messages.push(json!({"role": "user", "content": "Go on."}));
    json!({"tools": tools.collect::<Vec<_>>(), "messages": messages})
}
