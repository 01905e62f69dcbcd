"""Real servers on free ports of this machine, and a proxy that cuts and freezes links to them."""

import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float = 20) -> None:
    """Wait until a server answers on a port; fails if it ended instead."""
    for _ in range(int(seconds / 0.05)):
        assert process.poll() is None, "the server ended; see its log"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")


def needed(program: str, package: str) -> str:
    """Return a program's path. Without the program the test is skipped, and in CI it fails."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"this test needs {program}: apt-get install {package}")
    return found


class CuttingProxy:
    """Passes TCP on to a port, and cuts or freezes each link in turn after some bytes."""

    def __init__(self, target: int) -> None:
        self.target, self.links = target, 0
        self.cut_after: list[int] = []  # bytes towards the client
        self.freeze_after: list[int] = []
        self.before_link: Callable[[int], object] = lambda number: None
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._serve)]

    def __enter__(self) -> "CuttingProxy":
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._link, args=[client])
            self._threads.append(thread)
            thread.start()

    def _link(self, client: socket.socket) -> None:
        number, self.links = self.links, self.links + 1
        self.before_link(number)
        cut = self.cut_after[number] if number < len(self.cut_after) else 2**60
        freeze = self.freeze_after[number] if number < len(self.freeze_after) else 2**60
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            passed = 0
            while not self._ended.is_set():
                ready = select.select([client, server], [], [], 0.05)[0]
                if passed > freeze:
                    continue
                for origin, other in ((client, server), (server, client)):
                    if origin not in ready:
                        continue
                    try:
                        data = origin.recv(16384)
                        if not data:
                            return
                        passed += len(data) if origin is server else 0
                        if passed > cut:
                            return
                        if passed <= freeze:
                            other.sendall(data)
                    except OSError:
                        return


@contextmanager
def running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server program, and end it in any case."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:  # some would wait a minute for their peers
                process.kill()
                process.wait(20)
