#!/usr/bin/env python3
"""Prints a configuration of owlcodad with the embedded model alone, as `install DIR` set it up.

    config.py DIR [--http-port N]
"""

import argparse
import json
import os


def main():
    parser = argparse.ArgumentParser(prog="config.py", description="Prints a configuration with the embedded model.")
    parser.add_argument("dir", metavar="DIR", help="where install put the model server")
    parser.add_argument("--http-port", type=int, metavar="N", help="port of the gateway, 0 for any (default: its own)")
    args = parser.parse_args()

    def path(name):
        return os.path.join(os.path.abspath(args.dir), name)

    config = {} if args.http_port is None else {"port": args.http_port}
    config["runtimes"] = [{
        "name": "embedded",
        "command": path("venv/bin/python"),
        # The daemon fills in the port when it starts the server, at the first call.
        "args": [path("server.py"), "--model", path("SmolLM2-135M-Instruct.Q4_1.gguf"), "--port", "{port}"],
        "readyPath": "/health",
        "server": "llama.cpp",
    }]
    config["models"] = [{
        "id": "smollm2:135m",
        "label": "SmolLM2 135M (embedded)",
        "runtime": "embedded",
        "aliases": ["default", "fast"],
        "tier": "fast",
        "default": True,
        "contextWindow": 8192,
    }]
    print(json.dumps(config, indent=2))


if __name__ == "__main__":
    main()
