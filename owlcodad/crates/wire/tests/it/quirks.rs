//! One test a quirk: the same request, as servers with and without it are asked.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use owlcoda_types::Server;
use owlcoda_wire::anthropic::{Request, StreamEvent};
use owlcoda_wire::quirks::{MessagesKey, Quirks};
use owlcoda_wire::translate::{
    ChatToMessages, StreamContext, Target, TranslateError, messages_to_chat,
};
use serde_json::{Value, json};

/// What `model` on `server` is sent for a request with these fields, and what is left out of it.
fn try_ask(
    server: Server,
    model: &str,
    more: Value,
) -> Result<(Value, Vec<String>), TranslateError> {
    let mut body = json!({
        "model": "asked", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}],
    });
    let (Value::Object(body_fields), Value::Object(more)) = (&mut body, more) else {
        unreachable!("fields are an object");
    };
    body_fields.extend(more);
    let request = Request::parse(body.to_string().as_bytes()).unwrap();
    let target = Target {
        model,
        quirks: Quirks::of(server, model),
        ..Target::default()
    };
    let chat = messages_to_chat(&request, &target)?;
    Ok((serde_json::from_slice(&chat.body).unwrap(), chat.dropped))
}

fn ask_model(server: Server, model: &str, more: Value) -> (Value, Vec<String>) {
    try_ask(server, model, more).unwrap()
}

fn ask(server: Server, more: Value) -> (Value, Vec<String>) {
    ask_model(server, "m", more)
}

/// Only these fields of a request, null where it does not have them.
fn only(body: &Value, names: &[&str]) -> Value {
    let fields = names
        .iter()
        .map(|name| ((*name).to_owned(), body[name].clone()));
    Value::Object(fields.filter(|(_, value)| !value.is_null()).collect())
}

const SWITCHES: &[&str] = &[
    "chat_template_kwargs",
    "enable_thinking",
    "reasoning",
    "reasoning_effort",
    "thinking",
];

#[test]
fn thinking_is_switched_in_each_server_s_own_words() {
    let wanted = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "stream": true});
    let unwanted = json!({"stream": true});
    let kwargs = |is_on: bool| json!({"chat_template_kwargs": {"enable_thinking": is_on}});
    let kind = |kind: &str| json!({"thinking": {"type": kind}});
    let cases = [
        (Server::Generic, "m", json!({}), json!({})),
        (Server::LmStudio, "m", json!({}), json!({})),
        (Server::Vllm, "m", kwargs(true), kwargs(false)),
        (Server::Sglang, "m", kwargs(true), kwargs(false)),
        (Server::LlamaCpp, "m", kwargs(true), kwargs(false)),
        (
            Server::Ollama,
            "m",
            json!({}),
            json!({"reasoning_effort": "none"}),
        ),
        (Server::OpenAi, "gpt-4.1", json!({}), json!({})),
        (
            Server::OpenAi,
            "gpt-5.1",
            json!({"reasoning_effort": "medium"}),
            json!({}),
        ),
        (
            Server::OpenAi,
            "o3-mini",
            json!({"reasoning_effort": "medium"}),
            json!({}),
        ),
        (Server::OpenAi, "gpt-5-chat-latest", json!({}), json!({})),
        (
            Server::OpenRouter,
            "z-ai/glm-5",
            json!({"reasoning": {"enabled": true}}),
            json!({}),
        ),
        (
            Server::Moonshot,
            "kimi-k2.6",
            kind("enabled"),
            kind("disabled"),
        ),
        (Server::Moonshot, "kimi-k2.7-code", json!({}), json!({})),
        (Server::Mimo, "mimo-v2.5", kind("enabled"), kind("disabled")),
        (
            Server::DeepSeek,
            "deepseek-v4-pro",
            kind("enabled"),
            kind("disabled"),
        ),
        (
            Server::Bailian,
            "qwen3-max",
            json!({"enable_thinking": true}),
            json!({"enable_thinking": false}),
        ),
        (
            Server::Bailian,
            "qwen3-235b-a22b-thinking-2507",
            json!({"enable_thinking": true}),
            json!({"enable_thinking": true}),
        ),
    ];
    for (server, model, on, off) in cases {
        let (body, dropped) = ask_model(server, model, wanted.clone());
        assert_eq!(only(&body, SWITCHES), on, "{server:?} {model}");
        // A switch that says nothing to a server that thinks by itself loses nothing.
        let is_said = on != json!({}) || server == Server::Ollama;
        assert_eq!(
            dropped.contains(&"thinking".to_owned()),
            !is_said,
            "{server:?} {model}"
        );
        let (body, _) = ask_model(server, model, unwanted.clone());
        assert_eq!(only(&body, SWITCHES), off, "{server:?} {model}");
    }
}

#[test]
fn an_effort_is_sent_to_those_that_have_efforts_and_named_as_dropped_otherwise() {
    let asked = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}});
    let (body, dropped) = ask(Server::OpenRouter, asked.clone());
    assert_eq!(body["reasoning"], json!({"effort": "high"}));
    assert_eq!(dropped, Vec::<String>::new());
    let (body, dropped) = ask_model(Server::OpenAi, "o4-mini", asked.clone());
    assert_eq!(body["reasoning_effort"], "high");
    assert_eq!(dropped, Vec::<String>::new());
    // A level is refused by models of Ollama that have none.
    let (body, dropped) = ask(Server::Ollama, asked);
    assert_eq!(body["reasoning_effort"], Value::Null);
    assert_eq!(dropped, ["output_config.effort"]);
}

#[test]
fn without_a_stream_bailian_is_told_not_to_think() {
    let (body, dropped) = ask(Server::Bailian, json!({"thinking": {"type": "adaptive"}}));
    assert_eq!(body["enable_thinking"], false);
    assert_eq!(dropped, ["thinking"]);
}

#[test]
fn past_thinking_goes_back_in_the_field_that_the_server_reads() {
    let call = json!({"type": "tool_use", "id": "c", "name": "read", "input": {}});
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": "ok"});
    let history = |blocks: Value| {
        json!({"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": [result]},
        ]})
    };
    let with = history(json!([thought, {"type": "text", "text": "So:"}, call]));
    let without = history(json!([call]));
    let cases = [
        (Server::Generic, json!({}), json!({})),
        (Server::LmStudio, json!({}), json!({})),
        (Server::OpenAi, json!({}), json!({})),
        (Server::Ollama, json!({"reasoning": "Hm."}), json!({})),
        (Server::Vllm, json!({"reasoning": "Hm."}), json!({})),
        (Server::OpenRouter, json!({"reasoning": "Hm."}), json!({})),
        (
            Server::Sglang,
            json!({"reasoning_content": "Hm."}),
            json!({}),
        ),
        (
            Server::LlamaCpp,
            json!({"reasoning_content": "Hm."}),
            json!({}),
        ),
        (
            Server::Moonshot,
            json!({"reasoning_content": "Hm."}),
            json!({"reasoning_content": " "}),
        ),
        (
            Server::Mimo,
            json!({"reasoning_content": "Hm."}),
            json!({"reasoning_content": " "}),
        ),
        (
            Server::DeepSeek,
            json!({"reasoning_content": "Hm."}),
            json!({"reasoning_content": " "}),
        ),
    ];
    for (server, thought, blank) in cases {
        let (body, dropped) = ask(server, with.clone());
        let said = &body["messages"][1];
        let named = only(said, &["reasoning", "reasoning_content"]);
        assert_eq!(named, thought, "{server:?}");
        assert_eq!(said["content"], "So:", "{server:?}");
        let is_dropped = dropped.contains(&"thinking of earlier turns".to_owned());
        assert_eq!(is_dropped, thought == json!({}), "{server:?}");
        let (body, _) = ask(server, without.clone());
        let named = only(&body["messages"][1], &["reasoning", "reasoning_content"]);
        assert_eq!(named, blank, "{server:?}");
    }
    let (body, _) = ask(Server::MiniMax, with);
    let expected = "<think>\nHm.\n</think>\n\nSo:";
    assert_eq!(body["messages"][1]["content"], expected);
}

#[test]
fn an_answer_that_is_begun_is_marked_as_the_server_wants_it() {
    let begun = json!({"messages": [
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"},
    ]});
    let flags = json!({"continue_final_message": true, "add_generation_prompt": false});
    for (server, expected, is_partial) in [
        (Server::Generic, json!({}), json!(null)),
        (Server::LlamaCpp, json!({}), json!(null)),
        (Server::Vllm, flags.clone(), json!(null)),
        (Server::Sglang, flags, json!(null)),
        (Server::Moonshot, json!({}), json!(true)),
        (Server::Bailian, json!({}), json!(true)),
    ] {
        let (body, _) = ask(server, begun.clone());
        let named = only(&body, &["continue_final_message", "add_generation_prompt"]);
        assert_eq!(named, expected, "{server:?}");
        assert_eq!(body["messages"][1]["partial"], is_partial, "{server:?}");
    }
    let mut thinking = begun;
    thinking["thinking"] = json!({"type": "enabled"});
    let (body, _) = ask(Server::LlamaCpp, thinking);
    // Both at once are refused.
    assert_eq!(body["chat_template_kwargs"]["enable_thinking"], false);
}

#[test]
fn a_choice_among_tools_is_said_in_a_form_that_the_server_heeds() {
    let tools = json!([{"name": "read"}, {"name": "write"}]);
    let choose = |choice: Value| json!({"tools": tools, "tool_choice": choice, "max_tokens": 5});
    let (any, none) = (json!({"type": "any"}), json!({"type": "none"}));
    let named = json!({"type": "tool", "name": "write"});
    let object = json!({"type": "function", "function": {"name": "write"}});
    let both = ["read", "write"].as_slice();
    let one = ["write"].as_slice();
    let nil = json!(null);
    // What is chosen, what is then sent, what is offered, and whether the choice is lost.
    let cases = [
        (Server::Generic, &any, json!("required"), both, false),
        (Server::Generic, &named, object.clone(), both, false),
        (Server::Vllm, &named, object.clone(), both, false),
        (Server::LmStudio, &any, json!("required"), both, false),
        (Server::LmStudio, &none, json!("none"), both, false),
        (Server::LmStudio, &named, json!("required"), one, false),
        (Server::LlamaCpp, &named, json!("required"), one, false),
        (Server::Ollama, &any, nil.clone(), both, true),
        (Server::Ollama, &none, nil.clone(), &[], false),
        (Server::Ollama, &named, nil, one, false),
        (Server::Bailian, &any, json!("auto"), both, true),
        (Server::Bailian, &named, object.clone(), both, false),
        (Server::Moonshot, &any, json!("auto"), both, true),
        (Server::Mimo, &any, json!("auto"), both, true),
    ];
    for (server, choice, sent, offered, is_lost) in cases {
        let (body, dropped) = ask(server, choose(choice.clone()));
        assert_eq!(body["tool_choice"], sent, "{server:?} {choice}");
        let tools = body["tools"].as_array().into_iter().flatten();
        let names: Vec<_> = tools
            .filter_map(|tool| tool["function"]["name"].as_str())
            .collect();
        assert_eq!(names, offered, "{server:?} {choice}");
        let is_dropped = dropped.contains(&"tool_choice".to_owned());
        assert_eq!(is_dropped, is_lost, "{server:?} {choice}");
    }
    let (body, _) = ask_model(Server::Moonshot, "kimi-k3", choose(any.clone()));
    assert_eq!(body["tool_choice"], "required");
    let one_tool = json!({"tools": [{"name": "write"}], "tool_choice": any});
    let (body, dropped) = ask(Server::Bailian, one_tool);
    assert_eq!(body["tool_choice"], object);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn several_calls_at_once_are_asked_for_where_they_do_not_come_by_themselves() {
    let tools = json!({"tools": [{"name": "read"}]});
    let mut alone = tools.clone();
    alone["tool_choice"] = json!({"type": "auto", "disable_parallel_tool_use": true});
    for (server, expected) in [
        (Server::Generic, json!(null)),
        (Server::LlamaCpp, json!(true)),
        (Server::Bailian, json!(true)),
    ] {
        let (body, _) = ask(server, tools.clone());
        assert_eq!(body["parallel_tool_calls"], expected, "{server:?}");
        let (body, _) = ask(server, alone.clone());
        assert_eq!(body["parallel_tool_calls"], false, "{server:?}");
        let (body, _) = ask(server, json!({}));
        assert_eq!(body["parallel_tool_calls"], json!(null), "{server:?}");
    }
}

#[test]
fn the_limit_has_the_name_that_the_server_reads() {
    let names = ["max_tokens", "max_completion_tokens"];
    for server in Server::ALL {
        let (body, _) = ask(server, json!({}));
        let name = match server {
            Server::OpenAi | Server::Mimo => "max_completion_tokens",
            _ => "max_tokens",
        };
        assert_eq!(only(&body, &names), json!({name: 64}), "{server:?}");
    }
}

#[test]
fn sampling_that_is_refused_is_left_out_by_name() {
    let sampled = json!({"temperature": 0.2, "top_p": 0.9, "top_k": 40});
    let names = ["temperature", "top_p", "top_k"];
    let own = json!({"top_k": 40});
    let cases = [
        (Server::Generic, "m", sampled.clone()),
        (Server::LlamaCpp, "m", sampled.clone()),
        (
            Server::OpenAi,
            "gpt-4o",
            json!({"temperature": 0.2, "top_p": 0.9}),
        ),
        (Server::OpenAi, "gpt-5-mini", json!({})),
        (Server::Moonshot, "kimi-k2.6", own),
        (Server::Moonshot, "moonshot-v1-128k", sampled.clone()),
    ];
    for (server, model, expected) in cases {
        let (body, dropped) = ask_model(server, model, sampled.clone());
        assert_eq!(only(&body, &names), expected, "{server:?} {model}");
        for name in names {
            let is_dropped = dropped.contains(&name.to_owned());
            assert_eq!(is_dropped, expected[name].is_null(), "{server:?} {model}");
        }
    }
}

#[test]
fn more_stop_sequences_than_the_server_takes_are_refused_with_the_number() {
    let stops = |n: usize| json!({"stop_sequences": vec!["x"; n]});
    for (server, most) in [(Server::OpenAi, 4), (Server::Moonshot, 5)] {
        assert!(try_ask(server, "m", stops(most)).is_ok(), "{server:?}");
        let error = try_ask(server, "m", stops(most + 1)).unwrap_err();
        let expected = format!("more than {most} stop sequences");
        assert!(error.to_string().contains(&expected), "{error}");
    }
    assert!(try_ask(Server::Vllm, "m", stops(40)).is_ok());
}

#[test]
fn pictures_that_a_server_cannot_read_are_refused_in_plain_words() {
    let show = |source: Value| json!({"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]});
    let far = show(json!({"type": "url", "url": "https://example.com/a.png"}));
    let webp = show(json!({"type": "base64", "media_type": "image/webp", "data": "AA=="}));
    let png = show(json!({"type": "base64", "media_type": "image/png", "data": "AA=="}));
    for (server, takes_far, takes_webp) in [
        (Server::Generic, true, true),
        (Server::OpenAi, true, true),
        (Server::Ollama, false, true),
        (Server::Moonshot, false, true),
        (Server::LmStudio, false, false),
    ] {
        assert!(try_ask(server, "m", png.clone()).is_ok(), "{server:?}");
        let asked = try_ask(server, "m", far.clone());
        assert_eq!(asked.is_ok(), takes_far, "{server:?}");
        if let Err(error) = asked {
            assert!(error.to_string().contains("at an address"), "{error}");
        }
        let asked = try_ask(server, "m", webp.clone());
        assert_eq!(asked.is_ok(), takes_webp, "{server:?}");
        if let Err(error) = asked {
            assert!(error.to_string().contains("PNG or JPEG"), "{error}");
        }
    }
}

#[test]
fn a_schema_that_no_grammar_can_be_made_of_is_eased_where_it_is_compiled() {
    let schema = json!({"type": "object", "properties": {
        "path": {"type": "string", "pattern": "\\S", "maxLength": 10_000},
    }});
    let asked = json!({"tools": [{"name": "read", "input_schema": schema}]});
    let eased = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    for (server, expected) in [
        (Server::Generic, &schema),
        (Server::Vllm, &schema),
        (Server::Ollama, &schema),
        (Server::LlamaCpp, &eased),
        (Server::LmStudio, &eased),
    ] {
        let (body, dropped) = ask(server, asked.clone());
        let sent = &body["tools"][0]["function"]["parameters"];
        assert_eq!(sent, expected, "{server:?}");
        let named = ["tools.input_schema.pattern", "tools.input_schema.maxLength"];
        let is_named = named.iter().all(|name| dropped.iter().any(|d| d == name));
        assert_eq!(is_named, expected != &schema, "{server:?}");
    }
}

#[test]
fn a_call_that_the_model_wrote_as_text_is_a_call_where_servers_leave_it_there() {
    let request = Request::parse(
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
            "tools": [{"name": "read"}]})
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    for server in Server::ALL {
        let quirks = Quirks::of(server, "m");
        let target = Target {
            model: "m",
            quirks,
            ..Target::default()
        };
        let chat = messages_to_chat(&request, &target).unwrap();
        let mut machine = ChatToMessages::new(StreamContext {
            tool_names: chat.tool_names,
            written_calls: quirks.written_calls,
            ..StreamContext::default()
        });
        let mut events = Vec::new();
        let text = "<tool_call>{\"name\": \"read\", \"arguments\": {}}</tool_call>";
        let chunk = json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
        machine
            .push(chunk.to_string().as_bytes(), &mut events)
            .unwrap();
        machine.finish(&mut events).unwrap();
        let is_local = matches!(
            server,
            Server::Ollama | Server::LmStudio | Server::Vllm | Server::Sglang | Server::LlamaCpp
        );
        let calls_tool = events.iter().any(|event| {
            matches!(event, StreamEvent::MessageDelta { stop_reason, .. }
                if stop_reason.as_str() == "tool_use")
        });
        assert_eq!(calls_tool, is_local, "{server:?}");
    }
}

#[test]
fn the_key_on_a_messages_route_is_a_bearer_token_where_only_that_is_read() {
    let bearer = [
        Server::Vllm,
        Server::Sglang,
        Server::OpenAi,
        Server::OpenRouter,
        Server::Moonshot,
        Server::Bailian,
    ];
    for server in Server::ALL {
        let expected = if bearer.contains(&server) {
            MessagesKey::Bearer
        } else {
            MessagesKey::XApiKey
        };
        assert_eq!(Quirks::of(server, "m").messages_key, expected, "{server:?}");
    }
}

#[test]
fn a_vendor_in_front_of_a_model_s_name_does_not_hide_what_it_is() {
    let plain = Quirks::of(Server::OpenAi, "gpt-5");
    assert_eq!(Quirks::of(Server::OpenAi, "openai/GPT-5"), plain);
    assert_ne!(Quirks::of(Server::OpenAi, "gpt-4"), plain);
    // o1 is one, o100 is not known to be.
    assert_eq!(
        Quirks::of(Server::OpenAi, "o100"),
        Quirks::of(Server::OpenAi, "gpt-4")
    );
}
