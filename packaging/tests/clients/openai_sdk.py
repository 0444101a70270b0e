#!/usr/bin/env python3
"""The official OpenAI SDK for Python, see checks.py."""

import json

import openai

from checks import MAX_TOKENS, QUESTION, SCRIPT, TIMEOUT_SECS, TOOL, UNKNOWN_MODEL, check, run, said, same

WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def connect(url):
    # No retries: each check is one call, and a retry would hide a failure.
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(
        base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=TIMEOUT_SECS, http_client=http
    )


def request(model, **fields):
    return {"model": model, "max_tokens": MAX_TOKENS, "messages": QUESTION, **fields}


def costs(models, usage):
    same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "total")
    if not models.is_scripted:
        same(usage.prompt_tokens > 0 and usage.completion_tokens > 0, True, "usage")
        return
    cached = usage.prompt_tokens_details.cached_tokens
    got = {"fresh": usage.prompt_tokens - cached, "cached": cached, "output": usage.completion_tokens}
    same(got, SCRIPT["usage"], "usage")


def tools():
    function = {"name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"]}
    return [{"type": "function", "function": function}]


def calls(functions):
    return [{"name": function.name, "input": json.loads(function.arguments)} for function in functions]


@check(for_any_model=True)
def whole(client, models):
    completion = client.chat.completions.create(**request(models["speaker"]))
    said(models, completion.choices[0].message.content)
    costs(models, completion.usage)


@check(for_any_model=True)
def streamed(client, models):
    chunks = list(client.chat.completions.create(**request(models["speaker"], **WITH_USAGE)))
    said(models, "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices))
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    same(reasons in (["stop"], ["length"]), True, "one reason to finish")
    same(chunks[-1].choices, [], "choices beside the usage")
    costs(models, chunks[-1].usage)


@check(for_any_model=False)
def tool_calls_whole(client, models):
    completion = client.chat.completions.create(**request(models["toolsmith"], tools=tools()))
    choice = completion.choices[0]
    same(choice.finish_reason, "tool_calls", "finish reason")
    same(calls(call.function for call in choice.message.tool_calls), SCRIPT["tool_calls"], "calls")


@check(for_any_model=False)
def tool_calls_streamed(client, models):
    with client.chat.completions.stream(**request(models["toolsmith"], tools=tools())) as stream:
        n_pieces = sum(event.type == "tool_calls.function.arguments.delta" for event in stream)
        choice = stream.get_final_completion().choices[0]
    same(calls(call.function for call in choice.message.tool_calls), SCRIPT["tool_calls"], "calls")
    same(n_pieces > len(SCRIPT["tool_calls"]), True, "arguments in pieces")


@check(for_any_model=False)
def tool_results(client, models):
    ask = request(models["toolsmith"], tools=tools())
    message = client.chat.completions.create(**ask).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"rain in {json.loads(call.function.arguments)['city']}"}
        for call in message.tool_calls
    ]
    turns = [*QUESTION, message.model_dump(exclude_none=True), *results]
    last = client.chat.completions.create(**{**ask, "messages": turns}).choices[0].message
    expected = "; ".join(f"rain in {call['input']['city']}" for call in SCRIPT["tool_calls"])
    same(last.content, SCRIPT["tools_said"] + expected, "last text")


@check(for_any_model=True)
def model_list(client, models):
    same(models["speaker"] in [model.id for model in client.models.list()], True, "the model is listed")


@check(for_any_model=False)
def refused_by_the_model_server(client, models):
    try:
        client.chat.completions.create(**request(models["refuser"]))
    except openai.BadRequestError as error:
        same((error.status_code, error.type), (400, "invalid_request_error"), "error")
        same(SCRIPT["refusal"] in error.message, True, "its reason")
    else:
        raise AssertionError("no error")


@check(for_any_model=True)
def unknown_model(client, _models):
    for is_stream in (False, True):
        try:
            client.chat.completions.create(**request(UNKNOWN_MODEL, stream=is_stream))
        except openai.NotFoundError as error:
            same(error.status_code, 404, "status")
            same(UNKNOWN_MODEL in error.message, True, "the model is named")
        else:
            raise AssertionError("no error")


if __name__ == "__main__":
    run(connect)
