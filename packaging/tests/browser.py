#!/usr/bin/env python3
"""Lets a real browser attack the daemon from foreign pages; called by `browser`.

    browser.py --bin DIR --chromium PROGRAM

Rebinding: a page of `evil.example` is loaded, then the daemon takes the port that the page came from, so that the
browser takes the daemon for the page's own site. Cross-site: a page of `evil.example`, and one of `friend.example`,
which is in `server.allowedOrigins`, call the daemon in every way that a browser has. After each attempt the daemon's
own count of its answers is looked at: the page may not see a status, and the browser must not be the one that protects
us. All names point at 127.0.0.1, so no rule of the browser for private networks helps either.
"""

import argparse
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

import model_server
from daemon import OPENER, Daemon, end_on_term, wait_until

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages")
EVIL, FRIEND = "evil.example", "friend.example"
PAGE_SECS = 120.0
ANSWER_SECS = 10.0
# Only the two names and this machine can be reached.
NAMES = f"MAP {EVIL} 127.0.0.1, MAP {FRIEND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
# What only an answer to a caller that was let in would hold.
SECRETS = (model_server.SCRIPT["text"], "speaker-anthropic", "owlcoda_", '"status"')
# `load` is also said of a frame with an error page.
NO_SUCCESS = (None, "error", "load")
POSTS = {
    "form, text/plain", "form, urlencoded", "form, multipart", "no-cors fetch", "no-cors fetch, urlencoded",
    "cors fetch, text/plain", "beacon",
}


class Site:
    """The attacker's server: its pages, `/report` for what a page saw, `/turn` for what has to happen in between."""

    def __init__(self, on_report=None, on_turn=None):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=PAGES)

            def do_GET(self):
                if self.path == "/turn":
                    on_turn()
                    self.send_response(204)
                    self.end_headers()
                else:
                    super().do_GET()

            def do_POST(self):
                on_report(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def end_headers(self):
                self.send_header("access-control-allow-origin", "*")
                self.send_header("cache-control", "no-store")
                super().end_headers()

            def log_message(self, *_args):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        """Frees the port."""
        self._http.shutdown()
        self._http.server_close()


class Attack:
    """One page in the browser; after each of its attempts, what it saw and what the daemon answered."""

    def __init__(self, chromium, scratch):
        self.attempts = []  # (name, what the page saw, statuses)
        self.daemon = None
        self._chromium = chromium
        self._scratch = scratch
        self._done = threading.Event()
        self._before = None

    def look(self):
        self._before = self.daemon.http_requests()

    def on_report(self, report):
        if report["name"] is None:
            self._done.set()
            return
        try:
            answers = wait_until("an answer", ANSWER_SECS, self._new_answers)
        except TimeoutError:
            answers = []  # which no check takes for right
        self.attempts.append((report["name"], report["saw"], {status for _, _, status in answers}))
        self.look()

    def _new_answers(self):
        # The daemon also counts our own looks at its metrics.
        now = {key: count for key, count in self.daemon.http_requests().items() if key != ("/metrics", "GET", 200)}
        return [key for key, count in now.items() if count > self._before.get(key, 0)]

    def open(self, url):
        """Opens `url` and waits until the page has made its last attempt."""
        profile = tempfile.mkdtemp(dir=self._scratch)
        command = [
            self._chromium, "--headless=new", f"--user-data-dir={profile}", f"--host-resolver-rules={NAMES}",
            "--no-proxy-server", "--no-first-run", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-dev-shm-usage",
        ]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # the browser has none for root
        with open(os.path.join(self._scratch, "chromium.log"), "ab") as log:
            process = subprocess.Popen(
                [*command, url], env={**os.environ, "TMPDIR": profile}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            is_done = self._done.wait(PAGE_SECS)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not is_done:
            raise TimeoutError(f"the page made {len(self.attempts)} attempts in {PAGE_SECS:g} s: {self.attempts[-1:]}")


class Checks:
    def __init__(self):
        self.n_passed = self.n_failed = 0

    def check(self, name, is_right, detail):
        if is_right:
            self.n_passed += 1
        else:
            self.n_failed += 1
        print(f"{'ok  ' if is_right else 'FAIL'} {name}: {detail}", flush=True)


def config(models, port):
    return {"port": port, "discovery": {"enabled": False}, "models": models.models()}


def told(saw):
    return ", ".join(f"{key} {str(value)[:60]!r}" for key, value in saw.items()) or "nothing"


def read_nothing(saw):
    """Whether a page learned no more than that something failed, or that something was loaded."""
    return not saw.get("text") and not saw.get("status") and saw.get("event") in NO_SUCCESS


def no_call_was_made(checks, where, daemon, models, refused=0):
    """Holds the daemon's records and the model server's calls against the few that it refused by their content."""
    records, calls = daemon.audit(), models.calls
    statuses = [record["status"] for record in records if not record["n_attempts"]]
    is_none = statuses == [415] * refused and len(records) == refused and not calls
    detail = f"{len(records)} records, {refused} of them refusals; {len(calls)} calls of models"
    checks.check(f"{where}: no call", is_none, detail)


def a_program_may_call(checks, where, daemon, models):
    """That no call was seen above means nothing where none can be seen."""
    body = {"model": "speaker-openai", "max_tokens": 16, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{daemon.url}/v1/messages", json.dumps(body).encode(), headers)
    with OPENER.open(request, timeout=30) as response:
        text = json.load(response)["content"][0]["text"]
    sent = lambda: [record for record in daemon.audit() if record["n_attempts"]]
    records = wait_until("a record", ANSWER_SECS, sent)
    is_seen = (text, len(records), len(models.calls)) == (model_server.SCRIPT["text"], 1, 1)
    detail = f"{len(records)} records, {len(models.calls)} calls of models"
    checks.check(f"{where}: a program's call is seen", is_seen, detail)


def rebinding(checks, chromium, bin_dir, scratch):
    models, attack = model_server.ModelServer(), Attack(chromium, scratch)

    def turn():
        page.close()
        attack.daemon = Daemon(bin_dir, scratch, config(models, page.port))
        attack.look()

    page, reports = Site(), Site(attack.on_report, turn)
    try:
        attack.open(f"http://{EVIL}:{page.port}/rebinding.html?reports=http://{EVIL}:{reports.port}")
        for name, saw, statuses in attack.attempts:
            is_kept_out = statuses == {403} and saw.get("status", 403) == 403 and saw.get("event") in NO_SUCCESS
            is_silent = not any(secret in (saw.get("text") or "") for secret in SECRETS)
            detail = f"answered {statuses}; the page saw {told(saw)}"
            checks.check(f"rebinding: {name}", is_kept_out and is_silent, detail)
        no_call_was_made(checks, "rebinding", attack.daemon, models)
        a_program_may_call(checks, "rebinding", attack.daemon, models)
    finally:
        if attack.daemon:
            attack.daemon.stop()
        reports.close()
        models.close()


def expected_of_a_friend(name):
    """The statuses of attempts whose origin is let in: the daemon then goes by what a page can send unasked."""
    if name in POSTS:
        return {415}  # it sends no JSON without a preflight
    if name == "cors fetch, GET":
        return {200}  # an answer that the browser keeps from the page, as there are no CORS headers
    if name.startswith("preflighted") or name in ("EventSource", "WebSocket"):
        return {405}
    return {403}  # without an Origin, or with `null`


def cross_site(checks, chromium, bin_dir, scratch):
    models, current = model_server.ModelServer(), {}
    site = Site(lambda report: current["attack"].on_report(report))
    value = config(models, 0)
    value["server"] = {"allowedOrigins": [f"http://{FRIEND}:{site.port}"]}
    daemon = Daemon(bin_dir, scratch, value)
    port = daemon.url.rsplit(":", 1)[1]
    try:
        for page, target in ((EVIL, "127.0.0.1"), (EVIL, "localhost"), (FRIEND, "127.0.0.1")):
            attack = current["attack"] = Attack(chromium, scratch)
            attack.daemon = daemon
            attack.look()
            attack.open(f"http://{page}:{site.port}/cross_site.html?target=http://{target}:{port}")
            for name, saw, statuses in attack.attempts:
                expected = {403} if page == EVIL else expected_of_a_friend(name)
                is_kept_out = statuses == expected and read_nothing(saw)
                detail = f"answered {statuses}; the page saw {told(saw)}"
                checks.check(f"{page} to {target}: {name}", is_kept_out, detail)
            # Who has an allowed origin gets as far as a record, but no further.
            no_call_was_made(checks, f"{page} to {target}", daemon, models, 0 if page == EVIL else len(POSTS))
        a_program_may_call(checks, "cross-site", daemon, models)
    finally:
        daemon.stop()
        site.close()
        models.close()


def main():
    parser = argparse.ArgumentParser(prog="browser.py")
    parser.add_argument("--bin", required=True, metavar="DIR")
    parser.add_argument("--chromium", required=True, metavar="PROGRAM")
    args = parser.parse_args()
    end_on_term()
    checks = Checks()
    for scenario in (rebinding, cross_site):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            try:
                scenario(checks, args.chromium, args.bin, scratch)
            except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
                checks.check(scenario.__name__, False, f"{type(error).__name__}: {error}")
    print(f"{checks.n_passed} passed, {checks.n_failed} failed")
    return 1 if checks.n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
