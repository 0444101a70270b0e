#!/usr/bin/env python3
"""Runs real clients through the daemon in front of scripted model servers and llama.cpp; called by real-clients.

A path that is not given means that the clients which need it are skipped.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

import agents
from daemon import Daemon, end_on_term, wait_until
from model_server import ModelServer

HERE = os.path.dirname(os.path.abspath(__file__))
LOCAL_MODEL = "smollm2:135m"
SHAPES = {"openai": "scripted, OpenAI", "anthropic": "scripted, Anthropic"}
LLAMA = "llama.cpp"
CLIENT_SECS = 600
SETTLE_SECS = 10.0
SKIPPED = 77


@dataclass
class Row:
    client: str
    upstream: str
    result: str  # "pass", "FAIL" or "skip"
    detail: str
    secs: float


class Table:
    """Every run, shown as it ends."""

    def __init__(self, only):
        self.rows = []
        self._only = only
        print(f"{'client':<34} {'model server':<20} {'result':<6} {'secs':>6}")

    def add(self, client, upstream, needed, check):
        """Runs `check`, which returns a detail or raises, where everything in `needed` is there."""
        if self._only and self._only not in client:
            return
        since = time.monotonic()
        if not all(needed):
            result, detail = "skip", "not installed, see above"
        else:
            try:
                result, detail = "pass", check()
            except (agents.Failed, OSError, subprocess.SubprocessError, TimeoutError, ValueError) as error:
                result, detail = "FAIL", f"{type(error).__name__}: {error}"
        row = Row(client, upstream, result, detail, time.monotonic() - since)
        self.rows.append(row)
        print(f"{client:<34} {upstream:<20} {result:<6} {row.secs:>6.1f}  {detail}", flush=True)

    def count(self, result):
        return sum(row.result == result for row in self.rows)

    def totals(self):
        return f"{self.count('pass')} passed, {self.count('FAIL')} failed, {self.count('skip')} skipped"

    def markdown(self, build):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        system = f"{platform.system()} {platform.release().split('-')[0]}, {os.cpu_count()} cores"
        yield f"## Real clients, {today}\n"
        yield f"`packaging/tests/real-clients`, {build} build, {system}: {self.totals()}.\n"
        yield "| client | model server | result | seconds |"
        yield "| --- | --- | --- | --- |"
        for row in self.rows:
            detail = row.detail.splitlines()[0] if row.detail else ""
            yield f"| {row.client} | {row.upstream} | {row.result}: {detail} | {row.secs:.1f} |"


def sdk(command, *arguments):
    """Runs one of the programs in clients/; returns how many checks passed."""
    # A proxy of the environment is for other machines.
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ended = subprocess.run(
        [*command, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=CLIENT_SECS,
    )
    lines = ended.stdout.splitlines()
    n_passed = sum(line.startswith("ok ") for line in lines)
    if ended.returncode != 0 or n_passed == 0 or n_passed != len(lines):
        failed = "\n     ".join(line for line in lines if not line.startswith("ok "))
        raise agents.Failed(f"exit status {ended.returncode}\n     {failed}\n     {ended.stderr[-1500:]}")
    return f"{n_passed} checks"


def version_of(package_dir):
    with open(os.path.join(package_dir, "package.json"), encoding="utf-8") as file:
        return json.load(file)["version"]


def python_version(python, package):
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    return subprocess.run([python, "-c", code, package], check=True, capture_output=True, text=True).stdout.strip()


def named(client, version, how=None):
    """`client 1.2.3 (how)`, without what is not known."""
    return " ".join(part for part in (client, version, how and f"({how})") if part)


def sdks(args):
    """(name for people, command or None) of each SDK."""
    clients = os.path.join(HERE, "clients")
    for package in ("anthropic", "openai"):
        command, version = None, ""
        if args.sdk_python:
            command = [args.sdk_python, os.path.join(clients, f"{package}_sdk.py")]
            version = python_version(args.sdk_python, package)
        yield named(package, version, "Python"), command
    for package, name in (("@anthropic-ai/sdk", "anthropic"), ("openai", "openai")):
        command, version = None, ""
        if args.node_clients:
            command = ["node", os.path.join(args.node_clients, f"{name}_sdk.mjs")]
            version = version_of(os.path.join(args.node_clients, "node_modules", package))
        yield named(package, version, "Node"), command


def run_agents(args, url, table, models, scratch):
    def project(name):
        path = os.path.join(scratch, name, "project")
        os.makedirs(path)
        return path

    def task(agent, program, shape, name):
        before = len(models.calls)
        return agent(program, url, shape, project(f"{name}-{shape}"), lambda: models.calls[before:])

    version = ""
    if args.claude:
        version = version_of(os.path.dirname(args.claude))
    for shape, upstream in SHAPES.items():
        run = partial(task, agents.claude_code, args.claude, shape, "claude")
        table.add(named("Claude Code", version), upstream, [args.claude], run)
    version = ""
    if args.aider:
        version = python_version(os.path.join(os.path.dirname(args.aider), "python"), "aider-chat")
    for surface, shape, edit_format, is_stream in (
        ("openai", "openai", "diff", True),
        ("openai", "anthropic", "whole", False),
        ("anthropic", "openai", "whole", False),
        ("anthropic", "anthropic", "diff", True),
    ):
        agent = partial(agents.aider, surface=surface, edit_format=edit_format, is_stream=is_stream)
        run = partial(task, agent, args.aider, shape, f"aider-{surface}")
        how = "streamed" if is_stream else "whole"
        table.add(named("aider", version, f"{surface}, {how}"), SHAPES[shape], [args.aider], run)


def check_records(daemon, models):
    """Every call that reached a scripted model server has one record with its end, and no record claims another."""
    roles = {model["id"]: model["backendModel"] for model in models.models()}
    sent = Counter((call.dialect, call.model, call.is_stream) for call in models.calls)

    def recorded():
        # Without an attempt the daemon refused the call itself.
        records = [record for record in daemon.audit() if record["model_used"] in roles and record["n_attempts"]]
        return records if len(records) >= len(models.calls) else None

    records = wait_until(f"{len(models.calls)} records", SETTLE_SECS, recorded)
    counted = Counter(
        (record["model_used"].rsplit("-", 1)[1], roles[record["model_used"]], record["is_stream"]) for record in records
    )
    if counted != sent:
        raise agents.Failed(f"not recorded: {dict(sent - counted)}, not sent: {dict(counted - sent)}")
    ends = {(record["status"], record["outcome"]) for record in records if roles[record["model_used"]] != "refuser"}
    if ends != {(200, "ok")}:
        raise agents.Failed(f"calls ended as {ends}")
    return f"{len(records)} calls, {len(records)} records"


def stop(daemon):
    status = daemon.stop()
    if status != 0:
        raise agents.Failed(f"exit status {status}\n{daemon.log_end()}")
    return "exit status 0"


def config(args, models):
    value = {"port": 0}
    if args.local_model:
        script = os.path.join(HERE, "..", "local-model", "config.py")
        command = [sys.executable, script, args.local_model, "--http-port", "0"]
        value = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    value["models"] = value.get("models", []) + models.models()
    value["discovery"] = {"enabled": False}
    return value


def main():
    parser = argparse.ArgumentParser(prog="real_clients.py")
    parser.add_argument("--bin", required=True, metavar="DIR")
    parser.add_argument("--sdk-python", metavar="PROGRAM", help="a Python with the packages of clients/sdk.txt")
    parser.add_argument("--node-clients", metavar="DIR", help="where the packages of clients/package.json are")
    parser.add_argument("--claude", metavar="PROGRAM")
    parser.add_argument("--aider", metavar="PROGRAM")
    parser.add_argument("--local-model", metavar="DIR", help="where packaging/local-model/install put the model")
    parser.add_argument("--sdks-only", action="store_true", help="without the agents")
    parser.add_argument("--only", metavar="TEXT", help="only clients with this in their name")
    parser.add_argument("--table", action="store_true", help="print a block for packaging/docs/results.md")
    args = parser.parse_args()
    end_on_term()
    models = ModelServer()
    with tempfile.TemporaryDirectory() as scratch:
        daemon = Daemon(args.bin, scratch, config(args, models))
        try:
            table = Table(args.only)
            for name, command in sdks(args):
                for shape, upstream in SHAPES.items():
                    table.add(name, upstream, [command], partial(sdk, command, daemon.url, "scripted", shape))
                run = partial(sdk, command, daemon.url, "any", LOCAL_MODEL)
                table.add(name, LLAMA, [command, args.local_model], run)
            if not args.sdks_only:
                run_agents(args, daemon.url, table, models, scratch)
            if models.calls:
                table.add("the records of the daemon", "scripted, both", [True], partial(check_records, daemon, models))
            table.add("the daemon stops", "", [True], partial(stop, daemon))
        finally:
            daemon.stop()
            models.close()
    if args.table:
        build = os.path.basename(os.path.realpath(args.bin))
        print("\n" + "\n".join(table.markdown(build)) + "\n")
    print(table.totals())
    if table.count("FAIL"):
        return 1
    return SKIPPED if table.count("skip") else 0


if __name__ == "__main__":
    sys.exit(main())
