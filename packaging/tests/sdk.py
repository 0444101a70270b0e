#!/usr/bin/env python3
"""Calls a running gateway through the official Anthropic and OpenAI SDKs and checks what they make of the answers.

    sdk.py --base-url http://127.0.0.1:8019 --model ID [--calls FILE]

Any answer of the model will do; the protocol around it must hold. `--calls` writes one JSON object per model call that
went over the wire (route, is_stream, status, request_id), so that a test can hold the daemon's records against them.
Exit status: 0 where all checks passed, 1 otherwise.
"""

import argparse
import json
import os
import sys
import traceback

import anthropic
import openai

MAX_TOKENS = 24
TIMEOUT_SECS = 300.0  # a small machine may load the model first
SYSTEM = "You are a terse assistant."
CONVERSATION = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello Ada."},
    {"role": "user", "content": "What is my name?"},
]
QUESTION = [{"role": "user", "content": "Say hello."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ROUTES = {"/v1/messages": "messages", "/v1/chat/completions": "chat"}
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Gateway:
    """Both clients of one gateway, and every model call that they made."""

    def __init__(self, base_url, model):
        self.model = model
        self.calls = []
        hooks = {"response": [self.record]}
        # No retries: each check is one call, and a retry would hide a failure.
        self.anthropic = anthropic.Anthropic(
            base_url=base_url, api_key="unused", max_retries=0, timeout=TIMEOUT_SECS,
            http_client=anthropic.DefaultHttpxClient(event_hooks=hooks, trust_env=False),
        )
        self.openai = openai.OpenAI(
            base_url=f"{base_url}/v1", api_key="unused", max_retries=0, timeout=TIMEOUT_SECS,
            http_client=openai.DefaultHttpxClient(event_hooks=hooks, trust_env=False),
        )

    def record(self, response):
        route = ROUTES.get(response.request.url.path)
        if route is None:
            return
        headers = response.headers
        self.calls.append({
            "route": route,
            "is_stream": bool(json.loads(response.request.content).get("stream")),
            "status": response.status_code,
            "request_id": headers.get("request-id") or headers.get("x-request-id"),
        })

    def message(self, **fields):
        defaults = {"model": self.model, "max_tokens": MAX_TOKENS, "messages": QUESTION}
        return self.anthropic.messages.create(**{**defaults, **fields})

    def chat(self, **fields):
        defaults = {"model": self.model, "max_tokens": MAX_TOKENS, "messages": QUESTION}
        return self.openai.chat.completions.create(**{**defaults, **fields})


def want(condition, what):
    if not condition:
        raise AssertionError(what)


def want_message(message):
    want(message.type == "message" and message.role == "assistant", message)
    want(message.content, "no content")
    want(message.stop_reason in ("end_turn", "max_tokens", "tool_use", "stop_sequence"), message.stop_reason)
    want_message_usage(message.usage)


def want_message_usage(usage):
    prompt = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    want(prompt > 0 and 0 < usage.output_tokens <= MAX_TOKENS, usage)


def want_completion(completion):
    want(completion.object == "chat.completion" and len(completion.choices) == 1, completion)
    choice = completion.choices[0]
    want(choice.message.role == "assistant", choice)
    want(choice.message.content or choice.message.tool_calls, choice)
    want(choice.finish_reason in ("stop", "length", "tool_calls"), choice.finish_reason)
    want_completion_usage(completion.usage)


def want_completion_usage(usage):
    want(usage is not None, "no usage")
    want(usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= MAX_TOKENS, usage)
    want(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage)


def want_error(expected, status, call):
    try:
        answer = call()
    except expected as error:
        want(error.status_code == status, error.status_code)
        want(isinstance(error.body, dict), f"the error has no JSON body: {error.body!r}")
        return error.body
    raise AssertionError(f"no {expected.__name__} but {answer!r}")


@check
def anthropic_message(gateway):
    message = gateway.message()
    want_message(message)
    want(message.content[0].type == "text" and message.content[0].text, message.content)


@check
def anthropic_message_streamed(gateway):
    defaults = {"model": gateway.model, "max_tokens": MAX_TOKENS, "messages": QUESTION}
    with gateway.anthropic.messages.stream(**defaults) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    want_message(message)
    want(text and text == message.content[0].text, "the deltas are not the message")


@check
def anthropic_events_come_in_order(gateway):
    kinds = [event.type for event in gateway.message(stream=True) if event.type != "ping"]
    want(kinds[:2] == ["message_start", "content_block_start"], kinds)
    want(kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"], kinds)
    want(set(kinds[2:-3]) == {"content_block_delta"}, kinds)


@check
def anthropic_conversation_with_a_system_prompt(gateway):
    want_message(gateway.message(system=SYSTEM, messages=CONVERSATION))


@check
def anthropic_tool_definition(gateway):
    tool = {"name": "get_weather", "description": "Weather of a city.", "input_schema": SCHEMA}
    want_message(gateway.message(tools=[tool]))


@check
def anthropic_unknown_model_is_404(gateway):
    body = want_error(anthropic.NotFoundError, 404, lambda: gateway.message(model="no-such-model"))
    want(body.get("type") == "error" and body["error"]["type"] == "not_found_error", body)


@check
def anthropic_missing_messages_is_400(gateway):
    request = {"model": gateway.model, "max_tokens": MAX_TOKENS}
    body = want_error(
        anthropic.BadRequestError, 400, lambda: gateway.anthropic.post("/v1/messages", body=request, cast_to=object)
    )
    want(body.get("type") == "error" and body["error"]["type"] == "invalid_request_error", body)


@check
def openai_model_list(gateway):
    ids = [model.id for model in gateway.openai.models.list()]
    want(gateway.model in ids, ids)


@check
def openai_chat(gateway):
    completion = gateway.chat()
    want_completion(completion)
    want(completion.choices[0].message.content, "no text")


@check
def openai_chat_streamed(gateway):
    chunks = list(gateway.chat(stream=True))
    want(all(chunk.object == "chat.completion.chunk" for chunk in chunks), chunks[0])
    want(all(chunk.usage is None for chunk in chunks), "usage that nobody asked for")
    want(all(len(chunk.choices) == 1 for chunk in chunks), "a chunk without a choice")
    want("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "no text")
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason]
    want(len(reasons) == 1 and reasons[0] in ("stop", "length"), reasons)


@check
def openai_chat_streamed_with_usage(gateway):
    chunks = list(gateway.chat(stream=True, stream_options={"include_usage": True}))
    want(chunks[-1].choices == [], chunks[-1])
    want_completion_usage(chunks[-1].usage)
    want(all(chunk.usage is None for chunk in chunks[:-1]), "usage before the last chunk")


@check
def openai_conversation_with_a_system_prompt(gateway):
    want_completion(gateway.chat(messages=[{"role": "system", "content": SYSTEM}, *CONVERSATION]))


@check
def openai_tool_definition(gateway):
    function = {"name": "get_weather", "description": "Weather of a city.", "parameters": SCHEMA}
    want_completion(gateway.chat(tools=[{"type": "function", "function": function}]))


@check
def openai_unknown_model_is_404(gateway):
    want_error(openai.NotFoundError, 404, lambda: gateway.chat(model="no-such-model"))


@check
def openai_missing_messages_is_400(gateway):
    request = {"model": gateway.model, "max_tokens": MAX_TOKENS}
    want_error(
        openai.BadRequestError, 400, lambda: gateway.openai.post("/chat/completions", body=request, cast_to=object)
    )


def main():
    parser = argparse.ArgumentParser(prog="sdk", description="Checks a gateway through the official SDKs.")
    parser.add_argument("--base-url", required=True, metavar="URL", help="e.g. http://127.0.0.1:8019")
    parser.add_argument("--model", required=True, metavar="ID")
    parser.add_argument("--calls", metavar="FILE", help="write each model call there, one JSON object a line")
    args = parser.parse_args()
    gateway = Gateway(args.base_url.rstrip("/"), args.model)
    n_failed = 0
    for run in CHECKS:
        name = run.__name__.replace("_", " ")
        try:
            run(gateway)
        except Exception as error:
            n_failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAIL {name}: {type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})")
        else:
            print(f"ok   {name}")
        sys.stdout.flush()
    if args.calls:
        with open(args.calls, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(call) + "\n" for call in gateway.calls)
    print(f"{len(CHECKS) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
