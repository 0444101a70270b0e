//! Tools and the choice among them.

use std::collections::HashSet;

use super::chat_body::{ChatFunction, ChatTool, ChatToolChoice};
use super::error::TranslateError;
use super::names::ToolNames;
use super::request::Dropped;
use super::schema::parameters;
use crate::anthropic::{Request, Tool};

/// The tools of a request, in order.
pub(super) fn tools<'a>(
    request: &'a Request,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Vec<ChatTool<'a>>, TranslateError> {
    let mut tools: Vec<ChatTool<'a>> = Vec::with_capacity(request.tools.len());
    let mut seen = HashSet::with_capacity(request.tools.len());
    for (idx, tool) in request.tools.iter().enumerate() {
        let path = format!("tools[{idx}]");
        if !tool.is_custom() {
            return Err(server_tool(tool, path));
        }
        if !seen.insert(tool.name.as_str()) {
            return Err(TranslateError::invalid(
                format!("{path}.name"),
                "tool names must be unique",
            ));
        }
        if tool.cache_control.is_some() {
            dropped.add("cache_control");
        }
        for (name, _) in tool.rest.iter() {
            dropped.add(&format!("tools.{name}"));
        }
        tools.push(ChatTool {
            kind: "function",
            function: ChatFunction {
                name: names.offer(&tool.name),
                description: tool
                    .description
                    .as_deref()
                    .filter(|text| !text.trim().is_empty()),
                parameters: parameters(tool.input_schema.as_deref(), &path)?,
                strict: tool.strict.filter(|is_strict| *is_strict),
            },
        });
    }
    Ok(tools)
}

fn server_tool(tool: &Tool, path: String) -> TranslateError {
    let kind = tool.kind.as_deref().unwrap_or_default();
    TranslateError::unsupported(
        path,
        format!("the server tool `{}`", owlcoda_types::clip(kind, 80)),
        "remove it, or choose a model whose server runs it",
    )
}

/// The choice, and whether several calls may be made at once.
pub(super) fn tool_choice<'a>(
    request: &'a Request,
    names: &mut ToolNames,
) -> Result<(Option<ChatToolChoice<'a>>, Option<bool>), TranslateError> {
    let Some(choice) = request.tool_choice.as_ref() else {
        return Ok((None, None));
    };
    let chosen = match (choice.kind.as_str(), choice.name.as_deref()) {
        ("auto", _) => ChatToolChoice::Auto,
        ("any", _) => ChatToolChoice::Required,
        ("none", _) => ChatToolChoice::None,
        ("tool", Some(name)) if request.tools.iter().any(|tool| tool.name == name) => {
            ChatToolChoice::Function(names.shorten(name))
        }
        ("tool", Some(_)) => {
            return Err(TranslateError::invalid(
                "tool_choice.name",
                "names no tool of this request",
            ));
        }
        ("tool", None) => {
            return Err(TranslateError::invalid(
                "tool_choice.name",
                "field required",
            ));
        }
        _ => {
            return Err(TranslateError::invalid(
                "tool_choice.type",
                "expected `auto`, `any`, `tool` or `none`",
            ));
        }
    };
    if request.tools.is_empty() {
        // Chat servers refuse a choice among nothing.
        return Ok((None, None));
    }
    let parallel = choice.disable_parallel_tool_use.then_some(false);
    Ok((Some(chosen), parallel))
}
