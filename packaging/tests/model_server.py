"""A model server whose model follows a script, in both dialects: `/v1/chat/completions` and `/anthropic/v1/messages`.

What the model says depends on the model's name and on how far the conversation is:

    speaker     one fixed text
    toolsmith   two calls of a tool at once, then what the tools said
    coder       Claude Code's task: write a file, run it, say what it printed
    editor      aider's task: change a line, as a SEARCH/REPLACE block or as a whole file, as it is told
    refuser     an error with status 400

Streams are cut into pieces of a few bytes, within lines and characters, as a network may do it. Every call is kept in
`calls`.
"""

import http.server
import itertools
import json
import os
import re
import threading
from dataclasses import dataclass, field

PIECE_BYTES = 37
DELTA_CHARS = 7

_HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(_HERE, "clients", "script.json"), encoding="utf-8") as _file:
    SCRIPT = json.load(_file)

PROGRAM_NAME = "sum.py"
PROGRAM = "print(sum(range(101)))\n"
PROGRAM_SAID = "The program printed: "
EDITED_NAME = "greeting.py"
BEFORE_EDIT = 'def greet():\n    return "hello"\n\n\nprint(greet())\n'
AFTER_EDIT = BEFORE_EDIT.replace('"hello"', '"hello, owl"')


# No id may come twice in a conversation: Claude Code takes the second for the first.
_numbers = itertools.count(1)


@dataclass
class Conversation:
    """What both dialects have in common of a request."""

    texts: list[str]  # system prompts and users
    tools: list[str]
    results: list[str]  # what tools said


@dataclass
class Reply:
    text: str
    tool_calls: list[dict] = field(default_factory=list)  # name, input


@dataclass
class Call:
    """One request that came in."""

    dialect: str
    model: str
    is_stream: bool
    n_results: int
    reply: Reply | None  # none where it was refused


def reply_of(model, conversation):
    """What the model says next, or None for an error."""
    results = conversation.results
    match model:
        case "speaker":
            return Reply(SCRIPT["text"])
        case "toolsmith" if results:
            return Reply(SCRIPT["tools_said"] + "; ".join(results))
        case "toolsmith":
            return Reply("Let me look. ", SCRIPT["tool_calls"])
        case "coder":
            return coding_step(conversation)
        case "editor":
            return edit("\n".join(conversation.texts))
        case _:
            return None


def coding_step(conversation):
    path = re.search(rf"/[^\s\"'`]+/{re.escape(PROGRAM_NAME)}", "\n".join(conversation.texts))
    if not conversation.tools or not path:
        return Reply("A sum")  # a side request of the agent, such as one for a title
    path, results = path.group(), conversation.results
    if not results:
        return Reply("I write the program. ", [{"name": "Write", "input": {"file_path": path, "content": PROGRAM}}])
    if len(results) == 1:
        command = {"command": f"python3 {path}", "description": "Run the program"}
        return Reply("I run it. ", [{"name": "Bash", "input": command}])
    return Reply(PROGRAM_SAID + results[-1].strip())


def edit(texts):
    if "SEARCH/REPLACE" in texts:
        old, new = (text.splitlines()[1] for text in (BEFORE_EDIT, AFTER_EDIT))
        return Reply(f"{EDITED_NAME}\n```python\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n")
    return Reply(f"{EDITED_NAME}\n```python\n{AFTER_EDIT}```\n")


def text_of(content):
    """The text of a message's or a tool result's content, in either dialect."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def deltas(text):
    return [text[at : at + DELTA_CHARS] for at in range(0, len(text), DELTA_CHARS)]


class OpenAi:
    path = "/v1/chat/completions"
    name = "openai"

    @staticmethod
    def conversation(body):
        messages = body.get("messages", [])
        said_by = lambda *roles: [text_of(message.get("content")) for message in messages if message["role"] in roles]
        tools = [tool["function"]["name"] for tool in body.get("tools") or []]
        return Conversation(said_by("system", "developer", "user"), tools, said_by("tool"))

    @staticmethod
    def calls(reply):
        return [
            {"id": f"call_{next(_numbers)}", "type": "function",
             "function": {"name": call["name"], "arguments": json.dumps(call["input"], ensure_ascii=False)}}
            for call in reply.tool_calls
        ]

    @staticmethod
    def usage():
        usage = SCRIPT["usage"]
        prompt = usage["fresh"] + usage["cached"]
        return {
            "prompt_tokens": prompt, "completion_tokens": usage["output"], "total_tokens": prompt + usage["output"],
            "prompt_tokens_details": {"cached_tokens": usage["cached"]},
        }

    @classmethod
    def whole(cls, model, reply):
        message = {"role": "assistant", "content": reply.text}
        if reply.tool_calls:
            message["tool_calls"] = cls.calls(reply)
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if reply.tool_calls else "stop"}
        return {
            "id": f"chatcmpl-{next(_numbers)}", "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice], "usage": cls.usage(),
        }

    @classmethod
    def frames(cls, model, reply, body):
        head = {"id": f"chatcmpl-{next(_numbers)}", "object": "chat.completion.chunk", "created": 1, "model": model}
        steps = [{"role": "assistant", "content": ""}, *({"content": delta} for delta in deltas(reply.text))]
        for index, call in enumerate(cls.calls(reply)):
            function = call["function"]
            steps.append({"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
            for delta in deltas(function["arguments"]):
                steps.append({"tool_calls": [{"index": index, "function": {"arguments": delta}}]})
        chunks = [{"index": 0, "delta": step, "finish_reason": None} for step in steps]
        chunks.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if reply.tool_calls else "stop"})
        for chunk in chunks:
            yield None, {**head, "choices": [chunk]}
        if (body.get("stream_options") or {}).get("include_usage"):
            yield None, {**head, "choices": [], "usage": cls.usage()}
        yield None, "[DONE]"

    @staticmethod
    def error(message):
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


class Anthropic:
    path = "/anthropic/v1/messages"
    name = "anthropic"

    @staticmethod
    def conversation(body):
        texts, results = [text_of(body.get("system"))], []
        for message in body.get("messages", []):
            content = message.get("content")
            if message["role"] != "assistant":
                texts.append(text_of(content))
            blocks = content if isinstance(content, list) else []
            results += [text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
        return Conversation(texts, [tool["name"] for tool in body.get("tools") or []], results)

    @staticmethod
    def usage(output_tokens):
        usage = SCRIPT["usage"]
        return {
            "input_tokens": usage["fresh"], "cache_read_input_tokens": usage["cached"],
            "cache_creation_input_tokens": 0, "output_tokens": output_tokens,
        }

    @staticmethod
    def blocks(reply):
        calls = [{"type": "tool_use", "id": f"toolu_{next(_numbers)}", **call} for call in reply.tool_calls]
        return [{"type": "text", "text": reply.text}, *calls]

    @staticmethod
    def stop_reason(reply):
        return "tool_use" if reply.tool_calls else "end_turn"

    @classmethod
    def whole(cls, model, reply):
        return {
            "id": f"msg_{next(_numbers)}", "type": "message", "role": "assistant", "model": model,
            "content": cls.blocks(reply), "stop_reason": cls.stop_reason(reply), "stop_sequence": None,
            "usage": cls.usage(SCRIPT["usage"]["output"]),
        }

    @classmethod
    def frames(cls, model, reply, _body):
        message = {**cls.whole(model, reply), "content": [], "stop_reason": None, "usage": cls.usage(1)}
        events = [{"type": "message_start", "message": message}, {"type": "ping"}]
        for index, block in enumerate(cls.blocks(reply)):
            if block["type"] == "text":
                empty = {"type": "text", "text": ""}
                steps = [{"type": "text_delta", "text": delta} for delta in deltas(block["text"])]
            else:
                empty = {**block, "input": {}}
                pieces = deltas(json.dumps(block["input"], ensure_ascii=False))
                steps = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            events.append({"type": "content_block_start", "index": index, "content_block": empty})
            events += [{"type": "content_block_delta", "index": index, "delta": step} for step in steps]
            events.append({"type": "content_block_stop", "index": index})
        end = {"stop_reason": cls.stop_reason(reply), "stop_sequence": None}
        events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": SCRIPT["usage"]["output"]}})
        events.append({"type": "message_stop"})
        for event in events:
            yield event["type"], event

    @staticmethod
    def error(message):
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


DIALECTS = {dialect.path: dialect for dialect in (OpenAi, Anthropic)}


class ModelServer:
    """Serves the script on a free port of 127.0.0.1 until `close`."""

    def __init__(self):
        self.calls = []
        calls = self.calls

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                dialect = DIALECTS.get(self.path.split("?")[0])
                if dialect is None:
                    return self.send_json(404, {"error": {"message": f"no {self.path}"}})
                model, is_stream = body["model"], bool(body.get("stream"))
                conversation = dialect.conversation(body)
                reply = reply_of(model, conversation)
                calls.append(Call(dialect.name, model, is_stream, len(conversation.results), reply))
                if reply is None:
                    return self.send_json(400, dialect.error(SCRIPT["refusal"]))
                if is_stream:
                    return self.send_stream(dialect.frames(model, reply, body))
                return self.send_json(200, dialect.whole(model, reply))

            def send_json(self, status, value):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def send_stream(self, frames):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                text = ""
                for name, value in frames:
                    data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                    text += (f"event: {name}\n" if name else "") + f"data: {data}\n\n"
                data = text.encode()
                for at in range(0, len(data), PIECE_BYTES):
                    piece = data[at : at + PIECE_BYTES]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_args):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def models(self):
        """Entries for `models` of a configuration: every model in each shape, as `speaker-openai`."""
        roles = ("speaker", "toolsmith", "coder", "editor", "refuser")
        return [
            {"id": f"{role}-{shape}", "backendModel": role, "endpoint": f"{self.url}/{path}"}
            for role in roles
            for shape, path in (("openai", "v1"), ("anthropic", "anthropic"))
        ]

    def close(self):
        self._http.shutdown()
