"""Lets coding agents do a scripted task through the gateway, in an empty home, and looks at the disk afterwards."""

import json
import os
import subprocess
import sys

import model_server

LIMIT_SECS = 120


class Failed(Exception):
    """The task was not done, with what the agent said."""


def same(got, expected, what):
    if got != expected:
        raise Failed(f"{what}: {got!r}, expected {expected!r}")


def run(command, project, environment):
    """Runs an agent in `project`, with nothing of this environment but the path; returns its standard output."""
    home = os.path.join(os.path.dirname(project), "home")
    os.makedirs(home)
    variables = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "TERM": "dumb", **environment}
    try:
        ended = subprocess.run(
            command, cwd=project, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT_SECS,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"it was not done after {LIMIT_SECS} s: {error.stdout!r} {error.stderr!r}") from error
    if ended.returncode != 0:
        raise Failed(f"exit status {ended.returncode}: {ended.stdout[-1500:]} {ended.stderr[-1500:]}")
    return ended.stdout


def claude_code(program, url, shape, project, calls):
    """Writes a program, runs it, says what it printed. Returns a word for the table."""
    path = os.path.join(project, model_server.PROGRAM_NAME)
    model = f"coder-{shape}"
    said = run(
        [program, "-p", f"Create {path}, which prints the sum of 0 to 100. Run it. What does it print?",
         "--allowedTools", "Write,Bash", "--output-format", "json"],
        project,
        {
            "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "unused", "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            # It must not call home: nothing but the gateway may be reachable.
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1", "NO_PROXY": "127.0.0.1",
        },
    )
    result = json.loads(said)
    same((result["is_error"], result["result"]), (False, model_server.PROGRAM_SAID + "5050"), "answer")
    same(read(path), model_server.PROGRAM, "file")
    same([call.n_results for call in calls() if call.reply and call.reply.tool_calls], [0, 1], "steps of the model")
    return f"{result['num_turns']} turns"


def aider(program, url, shape, project, calls, *, surface, edit_format, is_stream):
    """Changes a line of a file. Returns a word for the table."""
    path = os.path.join(project, model_server.EDITED_NAME)
    with open(path, "w", encoding="utf-8") as file:
        file.write(model_server.BEFORE_EDIT)
    run(
        [program, "--model", f"{surface}/editor-{shape}", "--edit-format", edit_format,
         "--stream" if is_stream else "--no-stream", "--message", "Greet the owl as well.", "--yes-always", "--no-git",
         "--no-check-update", "--no-show-model-warnings", "--no-show-release-notes", "--analytics-disable",
         "--map-tokens", "0", model_server.EDITED_NAME],
        project,
        {
            "OPENAI_API_BASE": f"{url}/v1", "OPENAI_API_KEY": "unused",
            "ANTHROPIC_API_BASE": url, "ANTHROPIC_API_KEY": "unused",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1",
        },
    )
    same(read(path), model_server.AFTER_EDIT, "file")
    same(is_stream in {call.is_stream for call in calls()}, True, "streamed as asked for")
    printed = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, timeout=30).stdout
    same(printed, "hello, owl\n", "what the file prints")
    return "file edited"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
