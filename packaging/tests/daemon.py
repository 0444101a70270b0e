"""Starts the daemon for one test, asks it for its records, and stops it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

START_SECS = 60.0
STOP_SECS = 30.0
POLL_SECS = 0.1
# No proxy of the environment: everything is on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Daemon:
    """A running owlcodad with a home of its own."""

    def __init__(self, bin_dir, scratch, config):
        """Writes `config` into a new home below `scratch` and waits until the daemon serves.

        Raises RuntimeError, with the end of its log, where it does not.
        """
        self.owlctl_path = os.path.join(bin_dir, "owlctl")
        self.home = os.path.join(scratch, "home")
        self.log_path = os.path.join(scratch, "daemon.log")
        os.mkdir(self.home, 0o700)
        config_path = os.path.join(self.home, "config.json")
        with open(os.open(config_path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            json.dump(config, file)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(bin_dir, "owlcodad"), "serve", "--home", self.home],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.url = self._started()

    def _started(self):
        deadline = threading.Timer(START_SECS, self.process.kill)
        deadline.start()
        line = self.process.stdout.readline()
        deadline.cancel()
        address = re.search(r"http://\S+", line)
        if not address:
            self.process.kill()
            raise RuntimeError(f"the daemon did not start:\n{self.log_end()}")
        return address.group()

    def log_end(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def get(self, path):
        with OPENER.open(self.url + path, timeout=10) as response:
            return response.read().decode()

    def http_requests(self):
        """How many requests were answered, by (route, method, status)."""
        series = re.findall(r"^owlcoda_http_requests_total\{(.*)\} (\d+)$", self.get("/metrics"), re.M)
        counts = {}
        for labels, count in series:
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            counts[label["route"], label["method"], int(label["code"])] = int(count)
        return counts

    def audit(self):
        """The records of all model calls, newest first."""
        command = [self.owlctl_path, "--home", self.home, "audit", "--json", "--limit", "1000"]
        page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
        return json.loads(page)["records"]

    def stop(self):
        """Asks the daemon to end; returns its exit status, negative for a signal."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_SECS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def end_on_term():
    """Lets TERM end this program as an exception does, so that what it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def wait_until(what, secs, probe):
    """The first true value of `probe`; raises TimeoutError after `secs`."""
    deadline = time.monotonic() + secs
    while not (value := probe()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {secs:g} s for {what}")
        time.sleep(POLL_SECS)
    return value
