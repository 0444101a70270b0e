"""Asks the daemon without a pause while its service restarts twice: no request may fail, and no stream break.

    service_client.py URL TOKEN N_REQUESTS RESTART_COMMAND…
"""

import json
import subprocess
import sys
import threading
import time
import urllib.request

url, token, n_requests, *restart = sys.argv[1:]
n_requests = int(n_requests)
N_WORDS = 12
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(model, is_stream):
    body = {"model": model, "stream": is_stream, "messages": [{"role": "user", "content": f"{time.monotonic_ns()}"}]}
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), headers)
    with OPENER.open(request, timeout=60) as response:
        return response.read().decode()


streams, restarts = [], []


def stream():
    try:
        streams.append(ask("slow", True))
    except Exception as error:  # whatever it is, it is the finding
        streams.append(f"{type(error).__name__}: {error}")


def restart_twice():
    for _ in range(2):
        streaming = threading.Thread(target=stream)
        streaming.start()
        time.sleep(0.7)  # the stream has begun and is far from its end
        began = time.monotonic()
        subprocess.run(restart, check=True)
        restarts.append(time.monotonic() - began)
        streaming.join()


restarting = threading.Thread(target=restart_twice)
restarting.start()
n_failed, n_answered = 0, 0
while n_answered + n_failed < n_requests or restarting.is_alive():
    try:
        assert "owl" in ask("fast", False)
        n_answered += 1
    except Exception as error:
        n_failed += 1
        print(f"request {n_answered + n_failed}: {type(error).__name__}: {error}")
    time.sleep(0.02)
restarting.join()
n_whole = sum(answer.count("owl ") == N_WORDS and answer.rstrip().endswith("[DONE]") for answer in streams)
took = ", ".join(f"{secs:.1f} s" for secs in restarts)
print(f"{n_answered} answered, {n_failed} failed, {n_whole} of 2 streams whole, restarts took {took}")
if n_whole != 2:
    print(*streams, sep="\n---\n")
sys.exit(n_failed != 0 or n_whole != 2 or len(restarts) != 2)
