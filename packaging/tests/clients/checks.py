"""What the checks of both Python SDKs share.

A client is called as `PROGRAM URL scripted SHAPE`, in front of the models of model_server.py (`speaker-SHAPE` and so
on), or as `PROGRAM URL any MODEL`, in front of any model, where only the checks that hold for every answer run. Each
check prints one line, `ok NAME` or `FAIL NAME: reason`. Exit status: 1 where one failed.
"""

import json
import os
import sys
import traceback

TIMEOUT_SECS = 300.0  # a small machine may load the model first
QUESTION = [{"role": "user", "content": "Say hello."}]
MAX_TOKENS = 64
UNKNOWN_MODEL = "no-such-model"

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "script.json"), encoding="utf-8") as _file:
    SCRIPT = json.load(_file)

TOOL = {
    "name": SCRIPT["tool_calls"][0]["name"],
    "description": "The weather of a city.",
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}

_checks = []


class Models:
    """Which model to ask, by its role."""

    def __init__(self, mode, name):
        self.is_scripted = mode == "scripted"
        self._name = name

    def __getitem__(self, role):
        return f"{role}-{self._name}" if self.is_scripted else self._name


def check(for_any_model):
    """Marks a check; `for_any_model` says whether it holds for every answer."""

    def mark(function):
        _checks.append((function, for_any_model))
        return function

    return mark


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: {got!r}, expected {expected!r}")


def said(models, text):
    """Some text, or the script's where there is one."""
    same(text if models.is_scripted else bool(text), SCRIPT["text"] if models.is_scripted else True, "text")


def run(connect):
    """Runs every check on `connect(url)` and ends the program."""
    url, mode, name = sys.argv[1:]
    client, models, n_failed = connect(url), Models(mode, name), 0
    for function, for_any_model in _checks:
        if not (models.is_scripted or for_any_model):
            continue
        try:
            function(client, models)
        except Exception as error:
            n_failed += 1
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(at.filename)}:{at.lineno}"
            print(f"FAIL {function.__name__}: {type(error).__name__}: {error} ({where})", flush=True)
        else:
            print(f"ok {function.__name__}", flush=True)
    sys.exit(n_failed > 0)
