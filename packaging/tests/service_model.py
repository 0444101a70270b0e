"""A model server on port 18081: `fast` answers at once, `slow` takes three seconds for its stream.

Each call's key is a line in the file that is named on the command line.
"""

import http.server
import json
import sys
import time

WORDS = ["owl "] * 12
PAUSE_SECS = 0.25


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_json({"object": "list", "data": [{"id": "fast"}, {"id": "slow"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open(sys.argv[1], "a", encoding="utf-8") as keys:
            keys.write(self.headers.get("authorization", "none") + "\n")
        if body.get("stream"):
            return self.send_stream(body["model"])
        message = {"role": "assistant", "content": "".join(WORDS)}
        usage = {"prompt_tokens": 3, "completion_tokens": 12, "total_tokens": 15}
        self.send_json({
            "id": "c", "object": "chat.completion", "created": 1, "model": body["model"], "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        })

    def send_json(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_stream(self, model):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in WORDS:
            self.chunk(model, {"content": word}, None)
            time.sleep(PAUSE_SECS if model == "slow" else 0)
        self.chunk(model, {}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def chunk(self, model, delta, reason):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_args):
        pass  # a caller that left


Server(("127.0.0.1", 18081), Handler).serve_forever()
