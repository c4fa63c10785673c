"""`tamis` in a process that stays: the command line with its libraries loaded once, for shells that call it often.

`warm.py serve SOCKET` waits for commands until its standard input ends; `warm.py SOCKET ARGUMENT...` has one run there,
in the caller's folder and environment and on the caller's standard streams.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn


def serve(path: str) -> NoReturn:
    """Run what is asked, one command after the other."""
    import tamis.eval.judged
    import tamis.rankers.engine  # noqa: F401
    from tamis.cli.main import main

    kept = [os.dup(stream) for stream in range(3)]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)  # noqa: T201
    threading.Thread(target=_end_with, args=(kept[0],), daemon=True).start()
    while True:
        caller, _ = listener.accept()
        with caller:
            content, streams, _, _ = socket.recv_fds(caller, 1 << 20, 3)
            asked = json.loads(content)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(asked["environment"])
            sys.argv = ["tamis", *asked["arguments"]]
            code: object = 0
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            for number, stream in enumerate(kept):
                os.dup2(stream, number)
            caller.sendall(json.dumps(code).encode())


def _end_with(stream: int) -> None:
    os.read(stream, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def call(path: str, arguments: list[str]) -> int:
    """Have a command run; `serve` gets a process of its own, which ends once it has become ready."""
    if arguments[0] == "serve":
        return start_and_stop(arguments)
    if arguments[0] == "mcp":  # it takes the standard streams for itself
        return subprocess.call([sys.executable, "-m", "tamis.cli", *arguments])
    asked = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
        answer = server.recv(1000)
    return int(json.loads(answer or b"1"))


def start_and_stop(arguments: list[str]) -> int:
    """Serve on a free port until every index answers."""
    command = [sys.executable, "-m", "tamis.cli", *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline()]
        threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True).start()
        found = re.search(r"http://[\d.]+:\d+", lines[0])
        ready = False
        deadline = time.monotonic() + 60
        while found and not ready and process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{found.group()}/readyz", timeout=5) as answer:
                    ready = answer.status == 200
            except urllib.error.URLError:
                time.sleep(0.05)
        process.terminate()
        code = process.wait(20)
    if not ready:
        sys.stderr.write("".join(lines))
    return 0 if ready and code == 0 else code or 1


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    sys.exit(call(sys.argv[1], sys.argv[2:]))
