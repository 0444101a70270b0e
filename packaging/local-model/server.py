#!/usr/bin/env python3
"""Runs the embedded default model: llama.cpp's HTTP server, in the foreground, on 127.0.0.1.

    server.py --model FILE.gguf --port N [--ctx 8192] [--threads N]

It answers /health (503 while it loads, 200 after), /v1/models and /v1/chat/completions, and it ends on TERM, on INT
and when the process that started it is gone, so that a daemon that was killed leaves no model server behind.

Exit status: 1 where it cannot start (the reason is the last line on stderr), 2 for a wrong command line, 3 where its
parent is gone. TERM and INT end it by the signal: there is nothing to write or to flush.
"""

import argparse
import ctypes
import os
import signal
import socket
import sys
import time

HOST = "127.0.0.1"
ALIAS = "smollm2:135m"
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
BATCH_TOKENS = 512  # a caller that hung up is noticed between batches; the default of 2048 takes seconds
PROMPT_CACHE_MIB = 256  # the server's own default is 8192, more than many machines have
PARENT_POLL_SECS = 1.0  # only where the kernel does not tell us (macOS)


def fail(reason, status=1):
    print(f"local-model: {reason}", file=sys.stderr, flush=True)
    sys.exit(status)


def arguments():
    parser = argparse.ArgumentParser(prog="server.py", description="Serves one GGUF model on 127.0.0.1.")
    parser.add_argument("--model", required=True, metavar="FILE", help="the GGUF file")
    parser.add_argument("--port", required=True, type=int, metavar="N", help="TCP port, 1 to 65535")
    parser.add_argument("--ctx", type=int, default=8192, metavar="TOKENS", help="context window (default 8192)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2, metavar="N", help="default: all cores")
    args = parser.parse_args()
    if not 1 <= args.port <= 65535:
        parser.error("--port must be from 1 to 65535")
    if args.ctx < 256 or args.threads < 1:
        parser.error("--ctx must be at least 256 and --threads at least 1")
    return args


def tie_to_parent(parent):
    """Asks the kernel for SIGUSR1 when the parent dies; returns whether it will come.

    SIGUSR1 and not TERM, because the kernel sends it when the *thread* that forked us ends, which says little where
    the parent has a thread pool: whoever gets it looks whether the parent changed. It is blocked here, before any
    other thread is made, so that `sigwait` gets it and no thread of llama.cpp.
    """
    told = False
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        told = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGUSR1), 0, 0, 0) == 0
    if os.getppid() != parent:  # it died before the call above
        fail("the process that started this server is gone", 3)
    return told


def check_port(port):
    """Fails early and in one line; the server itself would only say that it could not bind."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            fail(f"cannot listen on {HOST}:{port}: {error.strerror}")


def parameters(xllamacpp, args):
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {ALIAS}
    params.hostnames = [HOST]
    params.port = args.port
    params.n_ctx = args.ctx
    params.n_parallel = 1  # one slot has the whole context; further calls wait in the server's queue
    params.n_batch = BATCH_TOKENS
    params.cpuparams.n_threads = args.threads
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.use_jinja = True  # the model's own chat template, and tools
    params.ui = False
    params.endpoint_slots = False  # it would show the prompts of running calls
    params.cors_origins = f"http://{HOST}:{args.port}"  # no web page may call it; the default lets all of them
    params.cors_credentials = False
    params.offline = True
    return params


def main():
    parent = os.getppid()
    args = arguments()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # also ends a load, which Python would hold back
    told = tie_to_parent(parent)
    if not os.path.isfile(args.model):
        fail(f"no model file at {args.model}; run the install script beside this file")
    check_port(args.port)
    try:
        import xllamacpp
    except ImportError as error:
        fail(f"cannot load llama.cpp ({error}); run the install script beside this file with this Python's directory")
    try:
        server = xllamacpp.Server(parameters(xllamacpp, args))
    except RuntimeError as error:
        fail(f"llama.cpp did not start: {str(error).splitlines()[0]}")
    print(f"local-model: {ALIAS} on {server.listening_address}", flush=True)
    while os.getppid() == parent:
        if told:
            signal.sigwait({signal.SIGUSR1})
        else:
            time.sleep(PARENT_POLL_SECS)
    os._exit(3)


if __name__ == "__main__":
    main()
