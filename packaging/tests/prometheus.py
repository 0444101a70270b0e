"""Scrapes the daemon with a real Prometheus, and asks it every query of the dashboard. See `prometheus`."""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from daemon import OPENER, Daemon, end_on_term, wait_until
from model_server import ModelServer

SCRAPE_SECS = 1
# Grafana chooses a span that holds at least four scrapes.
RATE_INTERVAL = f"{6 * SCRAPE_SECS}s"
WAIT_SECS = 60


def ask(daemon, model, path="/v1/chat/completions", stream=False):
    """One call of a model; its status."""
    body = {"model": model, "stream": stream, "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
    request = urllib.request.Request(
        daemon.url + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with OPENER.open(request, timeout=30) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, scratch, target):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = os.path.join(scratch, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f"global: {{scrape_interval: {SCRAPE_SECS}s}}\n"
                "scrape_configs:\n"
                f"  - job_name: owlcoda\n    static_configs: [{{targets: ['{target}']}}]\n"
            )
        self.log = open(os.path.join(scratch, "prometheus.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                "prometheus", f"--config.file={config}", f"--storage.tsdb.path={scratch}/tsdb",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )

    def query(self, expression):
        """The series of an instant query."""
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with OPENER.open(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def is_up(self):
        try:
            found = self.query("up{job='owlcoda'}")
        except OSError:
            return False
        return bool(found) and found[0]["value"][1] == "1"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def queries(dashboard):
    """Title and expression of each query."""
    with open(dashboard, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", RATE_INTERVAL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--dashboard", required=True)
    arguments = parser.parse_args()
    end_on_term()
    n_failed = n_passed = 0

    def check(what, is_good, detail=""):
        nonlocal n_failed, n_passed
        n_passed, n_failed = n_passed + bool(is_good), n_failed + (not is_good)
        if not is_good:
            print(f"FAILED: {what}: {detail}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as scratch, contextlib.closing(ModelServer()) as server:
        models = [
            {"id": name, "endpoint": server.url, "default": name == "speaker"} for name in ("speaker", "refuser")
        ]
        config = {"port": 0, "models": models, "discovery": {"enabled": False}, "middleware": {"rateLimitRpm": 0}}
        daemon = Daemon(arguments.bin, scratch, config)
        prometheus = None
        try:
            ask(daemon, "speaker")
            text = daemon.get("/metrics")
            promtool = subprocess.run(
                ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
            )
            check("promtool check metrics", promtool.returncode == 0, promtool.stdout + promtool.stderr)
            check("no complaint of promtool", not promtool.stderr.strip(), promtool.stderr)

            prometheus = Prometheus(scratch, re.sub("^http://", "", daemon.url))
            wait_until("the first scrape", WAIT_SECS, prometheus.is_up)
            missing = list(queries(arguments.dashboard))

            def all_have_data():
                nonlocal missing
                for path in ("/v1/chat/completions", "/v1/messages"):
                    for stream in (False, True):
                        ask(daemon, "speaker", path, stream)
                ask(daemon, "refuser")
                # A rate needs two scrapes.
                time.sleep(SCRAPE_SECS)
                missing = [(title, expression) for title, expression in missing if not prometheus.query(expression)]
                return not missing

            n_queries = len(missing)
            try:
                wait_until("data for every query", WAIT_SECS, all_have_data)
            except TimeoutError:
                pass
            for title, expression in missing:
                check(title, False, f"no data for {expression}")
            n_passed += n_queries - len(missing)

            calls = prometheus.query("sum(owlcoda_upstream_requests_total{model='speaker',outcome='ok'})")
            check("the calls are counted", calls and float(calls[0]["value"][1]) >= 5, calls)
        finally:
            if prometheus:
                prometheus.stop()
            daemon.stop()
    print(f"prometheus: {n_passed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
