#!/usr/bin/env python3
"""The official Anthropic SDK for Python, see checks.py."""

import json

import anthropic

from checks import MAX_TOKENS, QUESTION, SCRIPT, TIMEOUT_SECS, TOOL, UNKNOWN_MODEL, check, run, said, same


def connect(url):
    # No retries: each check is one call, and a retry would hide a failure.
    http = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(base_url=url, api_key="unused", max_retries=0, timeout=TIMEOUT_SECS, http_client=http)


def request(model, **fields):
    return {"model": model, "max_tokens": MAX_TOKENS, "messages": QUESTION, **fields}


def costs(models, usage):
    if not models.is_scripted:
        same(usage.input_tokens + (usage.cache_read_input_tokens or 0) > 0 and usage.output_tokens > 0, True, "usage")
        return
    got = {"fresh": usage.input_tokens, "cached": usage.cache_read_input_tokens, "output": usage.output_tokens}
    same(got, SCRIPT["usage"], "usage")


def tools():
    return [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}]


def calls(message):
    same(message.stop_reason, "tool_use", "stop reason")
    return [{"name": block.name, "input": block.input} for block in message.content if block.type == "tool_use"]


@check(for_any_model=True)
def whole(client, models):
    message = client.messages.create(**request(models["speaker"]))
    same([block.type for block in message.content], ["text"], "content")
    said(models, message.content[0].text)
    costs(models, message.usage)


@check(for_any_model=True)
def streamed(client, models):
    with client.messages.stream(**request(models["speaker"])) as stream:
        deltas = list(stream.text_stream)
        message = stream.get_final_message()
    same("".join(deltas), message.content[0].text, "deltas")
    same(len(deltas) > 1 or not models.is_scripted, True, "more than one delta")
    said(models, message.content[0].text)
    costs(models, message.usage)


@check(for_any_model=False)
def tool_calls_whole(client, models):
    message = client.messages.create(**request(models["toolsmith"], tools=tools()))
    same(calls(message), SCRIPT["tool_calls"], "calls")


@check(for_any_model=False)
def tool_calls_streamed(client, models):
    with client.messages.stream(**request(models["toolsmith"], tools=tools())) as stream:
        pieces = "".join(event.partial_json for event in stream if event.type == "input_json")
        message = stream.get_final_message()
    same(calls(message), SCRIPT["tool_calls"], "calls")
    parsed, end = [], 0
    while end < len(pieces):
        value, end = json.JSONDecoder().raw_decode(pieces, end)
        parsed.append(value)
    same(parsed, [call["input"] for call in SCRIPT["tool_calls"]], "pieces of the arguments")


@check(for_any_model=False)
def tool_runner(client, models):
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str, days: int) -> str:
        """The weather of a city.

        Args:
            city: Its name.
            days: How many.
        """
        asked.append({"city": city, "days": days})
        return f"rain in {city}"

    message = client.beta.messages.tool_runner(**request(models["toolsmith"], tools=[get_weather])).until_done()
    same(asked, [call["input"] for call in SCRIPT["tool_calls"]], "arguments")
    expected = "; ".join(f"rain in {call['input']['city']}" for call in SCRIPT["tool_calls"])
    same(message.content[0].text, SCRIPT["tools_said"] + expected, "last text")


@check(for_any_model=False)
def count_tokens(client, models):
    counted = client.messages.count_tokens(model=models["speaker"], messages=QUESTION)
    same(counted.input_tokens > 0, True, "more than no tokens")


@check(for_any_model=False)
def refused_by_the_model_server(client, models):
    try:
        client.messages.create(**request(models["refuser"]))
    except anthropic.BadRequestError as error:
        same((error.status_code, error.body["error"]["type"]), (400, "invalid_request_error"), "error")
        same(SCRIPT["refusal"] in error.body["error"]["message"], True, "its reason")
    else:
        raise AssertionError("no error")


@check(for_any_model=True)
def unknown_model(client, _models):
    for is_stream in (False, True):
        try:
            client.messages.create(**request(UNKNOWN_MODEL, stream=is_stream))
        except anthropic.NotFoundError as error:
            same((error.status_code, error.body["error"]["type"]), (404, "not_found_error"), "error")
        else:
            raise AssertionError("no error")


if __name__ == "__main__":
    run(connect)
