//! Tools and the choice among them.

use std::collections::HashSet;
use std::fmt;

use super::chat_body::{ChatFunction, ChatTool, ChatToolChoice};
use super::error::TranslateError;
use super::names::ToolNames;
use super::request::Dropped;
use super::schema::parameters_with;
use crate::anthropic::{Request, Tool};
use crate::json::{JsonText, RawJson};
use crate::quirks::{ParallelCalls, Quirks, SchemaKeywords, ToolChoiceForms};

/// What the model is offered, and what it is told to do with it.
pub(super) struct Offer<'a> {
    /// In the caller's order.
    pub(super) tools: Vec<ChatTool<'a>>,
    pub(super) tool_choice: Option<ChatToolChoice<'a>>,
    pub(super) parallel_tool_calls: Option<bool>,
}

/// What `request` asks for.
#[derive(Clone, Copy, Debug)]
enum Choice<'a> {
    Unsaid,
    Auto,
    /// Some tool.
    Any,
    None,
    /// This one.
    Named(&'a str),
}

/// The tools and the choice among them, as far as the server has words for it.
pub(super) fn offer<'a>(
    request: &'a Request,
    quirks: &Quirks,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Offer<'a>, TranslateError> {
    let (choice, may_be_parallel) = choice(request)?;
    let offered = |tool: &Tool| match (quirks.tool_choice, choice) {
        (ToolChoiceForms::Words | ToolChoiceForms::Unread, Choice::Named(name)) => {
            tool.name == name
        }
        (ToolChoiceForms::Unread, Choice::None) => false,
        _ => true,
    };
    let tools = tools(request, offered, quirks.schema_keywords, names, dropped)?;
    if tools.is_empty() {
        // Chat servers refuse a choice among nothing.
        return Ok(Offer {
            tools,
            tool_choice: None,
            parallel_tool_calls: None,
        });
    }
    let only = match tools.as_slice() {
        [only] => Some(only.function.name.clone()),
        _ => None,
    };
    let tool_choice = match (choice, quirks.tool_choice) {
        (Choice::Unsaid, _) => None,
        (Choice::Any, ToolChoiceForms::Unread) => {
            dropped.add("tool_choice");
            None
        }
        (_, ToolChoiceForms::Unread) => None,
        (Choice::Auto, _) => Some(ChatToolChoice::Auto),
        (Choice::None, _) => Some(ChatToolChoice::None),
        (Choice::Any, ToolChoiceForms::NotRequired) => Some(if let Some(only) = only {
            ChatToolChoice::Function(only)
        } else {
            dropped.add("tool_choice");
            ChatToolChoice::Auto
        }),
        (Choice::Any, _) | (Choice::Named(_), ToolChoiceForms::Words) => {
            Some(ChatToolChoice::Required)
        }
        (Choice::Named(name), _) => Some(ChatToolChoice::Function(names.shorten(name))),
    };
    let parallel_tool_calls = match (may_be_parallel, quirks.parallel_calls) {
        (false, _) => Some(false),
        (true, ParallelCalls::WhenAsked) => Some(true),
        (true, ParallelCalls::ByDefault) => None,
    };
    Ok(Offer {
        tools,
        tool_choice,
        parallel_tool_calls,
    })
}

/// The tools of a request that are `offered`, in order; all of them are checked.
fn tools<'a>(
    request: &'a Request,
    offered: impl Fn(&Tool) -> bool,
    keywords: SchemaKeywords,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Vec<ChatTool<'a>>, TranslateError> {
    let mut tools: Vec<ChatTool<'a>> = Vec::with_capacity(request.tools.len());
    let mut seen = HashSet::with_capacity(request.tools.len());
    for (idx, tool) in request.tools.iter().enumerate() {
        let path = format_args!("tools[{idx}]");
        if !tool.is_custom() {
            return Err(server_tool(tool, path));
        }
        if !seen.insert(tool.name.as_str()) {
            return Err(TranslateError::invalid(
                format!("{path}.name"),
                "tool names must be unique",
            ));
        }
        if !offered(tool) {
            continue;
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
                    .as_ref()
                    .map(JsonText::escaped)
                    .filter(|text| !text.is_blank()),
                parameters: parameters_with(
                    tool.input_schema.as_ref().map(RawJson::get),
                    keywords,
                    path,
                    dropped,
                )?,
                strict: tool.strict.filter(|is_strict| *is_strict),
            },
        });
    }
    Ok(tools)
}

fn server_tool(tool: &Tool, path: fmt::Arguments<'_>) -> TranslateError {
    let kind = tool.kind.as_deref().unwrap_or_default();
    TranslateError::unsupported(
        path.to_string(),
        format!("the server tool `{}`", owlcoda_types::clip(kind, 80)),
        "remove it, or choose a model whose server runs it",
    )
}

/// The choice, and whether several calls may be made at once.
fn choice(request: &Request) -> Result<(Choice<'_>, bool), TranslateError> {
    let Some(choice) = request.tool_choice.as_ref() else {
        return Ok((Choice::Unsaid, true));
    };
    let chosen = match (choice.kind.as_str(), choice.name.as_deref()) {
        ("auto", _) => Choice::Auto,
        ("any", _) => Choice::Any,
        ("none", _) => Choice::None,
        ("tool", Some(name)) if request.tools.iter().any(|tool| tool.name == name) => {
            Choice::Named(name)
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
    Ok((chosen, !choice.disable_parallel_tool_use))
}
