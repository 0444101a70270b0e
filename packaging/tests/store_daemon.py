"""A daemon with a large record: from its start to ready, its memory, and the newest 50 by each filter.

    store_daemon.py --bin DIR --records N [--runs N]

Writes the records with the store's own benchmark, then starts the daemon of DIR on that store, once a run.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

QUESTIONS = 50
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS:")).split()[1]) / 1024


def ask(url, parameters):
    """Seconds of one question, and its page."""
    since = time.monotonic()
    with OPENER.open(f"{url}/v1/audit?{urllib.parse.urlencode({'limit': 50, **parameters})}", timeout=60) as answer:
        page = json.load(answer)
    return time.monotonic() - since, page


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        write = ["cargo", "bench", "--quiet", "-p", "owlcoda-store", "--bench", "questions", "--", "write"]
        subprocess.run([*write, os.path.join(home, "store"), str(args.records)], check=True)
        with open(os.path.join(home, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"port": 0, "discovery": {"enabled": False}, "auth": {"data": "none"}}, file)
        os.chmod(home, 0o700)
        ready, before, after, waits = [], [], [], {}
        for _ in range(args.runs):
            since = time.monotonic()
            daemon = subprocess.Popen([os.path.join(args.bin, "owlcodad"), "serve", "--home", home],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            url = daemon.stdout.readline().split("serving ", 1)[1].split()[0]
            ready.append(time.monotonic() - since)
            before.append(rss_mib(daemon.pid))
            _, newest = ask(url, {})
            rows = newest["entries"]
            kinds = {
                "none": {},
                "time": {"until": 1_700_000_100_000},
                "model": {"model": next(row["model"] for row in rows if row.get("model"))},
                "endpoint": {"endpoint": next(row["endpoint"] for row in rows if row.get("endpoint"))},
                "status": {"status": "5xx"},
                "session": {"session": next((row["session"] for row in rows if row.get("session")), "")},
            }
            for kind, parameters in kinds.items():
                parameters = {name: value for name, value in parameters.items() if value}
                if kind == "none" or parameters:
                    waits.setdefault(kind, []).extend(ask(url, parameters)[0] for _ in range(QUESTIONS))
            after.append(rss_mib(daemon.pid))
            daemon.terminate()
            daemon.wait()
        print(f"{args.records} records, {args.runs} runs, load {os.getloadavg()[0]:.1f}")
        print(f"start to ready: median {statistics.median(ready):.2f} s, most {max(ready):.2f} s")
        print(f"RSS: {statistics.median(before):.0f} MiB when ready, {max(after):.0f} MiB at most after the questions")
        for kind, times in waits.items():
            times.sort()
            print(f"{kind:9} p50 {times[len(times) // 2] * 1e3:6.1f} ms  p99 {times[len(times) * 99 // 100] * 1e3:6.1f} ms")


if __name__ == "__main__":
    main()
