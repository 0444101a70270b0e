//! How thinking is asked for, in the words of each server.

use serde::Serialize;

use super::request::Dropped;
use crate::anthropic::Request;
use crate::quirks::ThinkingSwitch;

/// The fields of a chat request that turn thinking on and off; the server has one of them at most.
#[derive(Debug, Default, Serialize)]
pub(super) struct ThinkingFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_template_kwargs: Option<TemplateKwargs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_thinking: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<ThinkingType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningObject<'a>>,
}

#[derive(Debug, Serialize)]
struct TemplateKwargs {
    enable_thinking: bool,
}

#[derive(Debug, Serialize)]
struct ThinkingType {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct ReasoningObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

/// What `request` asks for, as a server with this switch is told. An answer that is begun cannot be
/// thought about first; servers refuse it.
pub(super) fn thinking_fields<'a>(
    request: &'a Request,
    switch: ThinkingSwitch,
    is_prefilled: bool,
    dropped: &mut Dropped,
) -> ThinkingFields<'a> {
    let config = request.output_config.as_ref();
    let effort = config.and_then(|config| config.effort.as_deref());
    let is_wanted = wants_thinking(request) && !is_prefilled;
    let takes_effort = matches!(
        switch,
        ThinkingSwitch::Effort | ThinkingSwitch::ReasoningObject
    );
    if effort.is_some() && !takes_effort {
        dropped.add("output_config.effort");
    }
    let mut fields = ThinkingFields::default();
    match switch {
        ThinkingSwitch::Unknown => {
            if request.thinking.is_some() {
                dropped.add("thinking");
            }
        }
        ThinkingSwitch::TemplateKwargs => {
            fields.chat_template_kwargs = Some(TemplateKwargs {
                enable_thinking: is_wanted,
            });
        }
        ThinkingSwitch::EffortNone => {
            fields.reasoning_effort = (!is_wanted).then_some("none");
        }
        ThinkingSwitch::Effort => {
            fields.reasoning_effort = match effort {
                // The highest that the other API has.
                Some("max") => Some("high"),
                Some(effort) => Some(effort),
                None => wants_thinking(request).then_some("medium"),
            };
        }
        ThinkingSwitch::ReasoningObject => {
            fields.reasoning = is_wanted.then(|| ReasoningObject {
                effort,
                enabled: effort.is_none().then_some(true),
            });
        }
        ThinkingSwitch::EnableThinking => {
            let is_possible = request.stream;
            if is_wanted && !is_possible {
                dropped.add("thinking");
            }
            fields.enable_thinking = Some(is_wanted && is_possible);
        }
        ThinkingSwitch::AlwaysEnableThinking => fields.enable_thinking = Some(true),
        ThinkingSwitch::ThinkingType => {
            let kind = if is_wanted { "enabled" } else { "disabled" };
            fields.thinking = Some(ThinkingType { kind });
        }
    }
    fields
}

/// Whether thinking was asked for; not asking means no.
fn wants_thinking(request: &Request) -> bool {
    let thinking = request.thinking.as_ref();
    thinking.is_some_and(|thinking| thinking.kind != "disabled")
}
