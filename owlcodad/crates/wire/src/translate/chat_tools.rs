//! Tools of a chat request, and the choice among them, in the words of the Messages API.

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::TranslateError;
use super::names::ToolNames;
use super::request::Dropped;
use super::schema::parameters;
use crate::anthropic::{Tool, ToolChoice};
use crate::json::{JsonPart, RawJson};
use crate::object::RawFields;
use crate::openai::{Fields, Request, decode_whole, whole_text};

/// The tools of a request, in order.
pub(super) fn tools(
    request: &Request,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Vec<Tool>, TranslateError> {
    for name in ["functions", "function_call"] {
        let value = request.get(name).map(JsonPart::get);
        if value.is_some_and(|value| !matches!(value, "null" | "[]")) {
            return Err(TranslateError::unsupported(
                name,
                format!("`{name}`"),
                "send `tools` and `tool_choice`",
            ));
        }
    }
    let Some(raw) = request.get("tools").filter(|raw| raw.get() != "null") else {
        return Ok(Vec::new());
    };
    let items = raw
        .items()
        .ok_or_else(|| TranslateError::invalid("tools", "expected a list"))?;
    let mut tools = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(items.len());
    for (idx, raw) in items.into_iter().enumerate() {
        let path = format!("tools[{idx}]");
        let tool = tool(raw, &path, names, dropped)?;
        if !seen.insert(tool.name.clone()) {
            return Err(TranslateError::invalid(
                format!("{path}.function.name"),
                "tool names must be unique",
            ));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn tool(
    json: JsonPart<'_>,
    path: &str,
    names: &mut ToolNames,
    dropped: &mut Dropped,
) -> Result<Tool, TranslateError> {
    let fields =
        Fields::read(json).ok_or_else(|| TranslateError::invalid(path, "expected an object"))?;
    let kind = fields.text("type").unwrap_or_default();
    if kind != "function" {
        return Err(TranslateError::unsupported(
            path,
            format!("a `{}` tool", owlcoda_types::clip(&kind, 80)),
            "offer it as a function",
        ));
    }
    let path = format!("{path}.function");
    let function = fields.get("function").and_then(Fields::read);
    let function =
        function.ok_or_else(|| TranslateError::invalid(path.as_str(), "expected an object"))?;
    for (name, value) in function.iter() {
        // Arguments fit the schema as well as the model can.
        let is_left_out = match name {
            "name" | "description" | "parameters" => false,
            "strict" => value.get() != "false",
            _ => true,
        };
        if is_left_out {
            dropped.add(&format!("tools.function.{name}"));
        }
    }
    for (name, _) in fields.iter() {
        if !matches!(name, "type" | "function" | "cache_control") {
            dropped.add(&format!("tools.{name}"));
        }
    }
    let name = function.text("name").filter(|name| !name.is_empty());
    let name = name
        .ok_or_else(|| TranslateError::invalid(format!("{path}.name"), "expected a tool's name"))?;
    let schema = function.get("parameters");
    let parameters = parameters(schema.map(JsonPart::get), format_args!("{path}"))
        .map_err(|_| TranslateError::invalid(format!("{path}.parameters"), "expected an object"))?;
    let input_schema = match (schema, parameters) {
        // As it came.
        (Some(schema), Cow::Borrowed(_)) => schema.kept(),
        (_, parameters) => RawJson::written(parameters.as_ref()),
    };
    let description = function.get("description").and_then(whole_text);
    Ok(Tool {
        name: names.offer(&name).into_owned(),
        kind: None,
        description: description.filter(|text| !text.escaped().is_blank()),
        input_schema: Some(input_schema),
        strict: None,
        cache_control: fields.get("cache_control").map(JsonPart::to_raw),
        rest: RawFields::default(),
    })
}

/// The choice, with at most one call at once where the caller wants that.
pub(super) fn tool_choice(
    request: &Request,
    tools: &[Tool],
    names: &mut ToolNames,
) -> Result<Option<ToolChoice>, TranslateError> {
    let choice = request
        .get("tool_choice")
        .filter(|raw| raw.get() != "null")
        .map(|raw| read_choice(raw, tools, names))
        .transpose()?;
    if tools.is_empty() {
        return Ok(None);
    }
    let is_one_at_once = request
        .get("parallel_tool_calls")
        .is_some_and(|raw| raw.get() == "false");
    let choice = choice.or_else(|| is_one_at_once.then(|| chosen("auto", None)));
    Ok(choice.map(|mut choice| {
        choice.disable_parallel_tool_use = is_one_at_once && choice.kind != "none";
        choice
    }))
}

fn chosen(kind: &str, name: Option<String>) -> ToolChoice {
    ToolChoice {
        kind: kind.to_owned(),
        disable_parallel_tool_use: false,
        name,
        rest: RawFields::default(),
    }
}

fn read_choice(
    raw: JsonPart<'_>,
    tools: &[Tool],
    names: &mut ToolNames,
) -> Result<ToolChoice, TranslateError> {
    if let Some(word) = decode_whole(raw.get()) {
        return match &*word {
            "auto" => Ok(chosen("auto", None)),
            "none" => Ok(chosen("none", None)),
            "required" | "any" => Ok(chosen("any", None)),
            _ => Err(TranslateError::invalid(
                "tool_choice",
                "expected `auto`, `none`, `required` or a function",
            )),
        };
    }
    let fields = Fields::read(raw).unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    if kind != "function" {
        return Err(TranslateError::unsupported(
            "tool_choice",
            format!("a choice of type `{}`", owlcoda_types::clip(&kind, 80)),
            "choose `auto`, `none`, `required` or a function",
        ));
    }
    let function = fields.get("function").and_then(Fields::read);
    let name = function.and_then(|function| function.text("name"));
    let name = name.ok_or_else(|| {
        TranslateError::invalid("tool_choice.function.name", "expected a tool's name")
    })?;
    let name = names.shorten(&name).into_owned();
    if !tools.iter().any(|tool| tool.name == name) {
        return Err(TranslateError::invalid(
            "tool_choice.function.name",
            "names no tool of this request",
        ));
    }
    Ok(chosen("tool", Some(name)))
}
