"""Runs schemathesis against a daemon in front of a scripted model server. See `openapi`."""

import argparse
import os
import socket
import subprocess
import sys
import tempfile

from daemon import OPENER, Daemon, end_on_term, wait_until

WAIT_SECS = 30
# What is described of a model call's body is the least of it: more is taken, and of a chat request whatever it holds,
# for the model server to judge. Of every other route nothing may pass that is not described.
CALLS = ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions"]
RUNS = [
    [argument for path in CALLS for argument in ("--exclude-path", path)],
    [argument for path in CALLS for argument in ("--include-path", path)]
    + ["--exclude-checks", "negative_data_rejection"],
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_up(url):
    try:
        with OPENER.open(url + "/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--examples", required=True)
    parser.add_argument("--schemathesis", required=True)
    parser.add_argument("--seed", default="7")
    arguments = parser.parse_args()
    end_on_term()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [os.path.join(arguments.bin, "fake-model-server"), "--port", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    n_failed = 0
    try:
        wait_until("the model server", WAIT_SECS, lambda: is_up(url))
        with tempfile.TemporaryDirectory() as scratch:
            config = {
                "port": 0,
                "models": [{"id": "model", "endpoint": url, "default": True}],
                "discovery": {"enabled": False},
                # Names are made up by the thousand, and each is answered.
                "server": {"unknownModel": "default"},
                "middleware": {"rateLimitRpm": 0},
            }
            daemon = Daemon(arguments.bin, scratch, config)
            try:
                for selection in RUNS:
                    ended = subprocess.run(
                        [
                            arguments.schemathesis, "run", daemon.url + "/openapi.json", "--checks", "all",
                            "--phases", "examples,coverage,fuzzing", "--max-examples", arguments.examples,
                            "--seed", arguments.seed, "--continue-on-failure", "--warnings", "off", "--no-color", *selection,
                        ],
                        stdin=subprocess.DEVNULL, cwd=scratch, env={**os.environ, "NO_PROXY": "*"},
                    )
                    n_failed += ended.returncode != 0
            finally:
                status = daemon.stop()
            if status != 0:
                print(f"openapi: the daemon ended with {status}:\n{daemon.log_end()}", file=sys.stderr)
                n_failed += 1
    finally:
        server.terminate()
        server.wait(WAIT_SECS)
    print(f"openapi: {len(RUNS) + 1 - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
