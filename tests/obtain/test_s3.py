"""S3 from SeaweedFS, a real server in a package of PyPI."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.settings import PROJECT
from tests.obtain.test_web import authority
from tests.support.copies import Get
from tests.support.servers import CuttingProxy, free_port
from tests.support.services import Service, served
from tests.support.storage import BUCKET, KEYS, Proxy, endpoint

__all__ = ["authority"]  # fixtures

NAME = "s3://history/nightly/2026-03-30-db.sqlite3.zst"


@pytest.fixture
def bucket(s3_port: int, monkeypatch: pytest.MonkeyPatch, big: Path) -> int:
    for name, value in endpoint(s3_port).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_PROXY")
    store = S3Store(BUCKET, client_options={"allow_http": True})
    obstore.put(store, "nightly/2026-03-30-db.sqlite3.zst", big.read_bytes())
    return s3_port


@pytest.mark.parametrize("port", [True, False])
def test_an_object_or_a_service_that_is_not_there(
    port: bool, bucket: int, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = r"gives no file \(HTTP 404\); check the address"
    if not port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        words = r"can't be reached: Connection refused \(tried 5 times\)"
    with pytest.raises(SourceError, match=words):
        get("s3://history/nothing")


def test_an_object_has_its_name_and_time(bucket: int, get: Get, big: Path) -> None:
    copy = get(NAME)
    assert copy.name == big.name
    assert copy.modified_at
    assert abs(datetime.now(UTC) - copy.modified_at) < timedelta(minutes=1)
    assert copy.content_sha256 == get(big).content_sha256


def test_a_broken_link_is_resumed(
    bucket: int, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CuttingProxy(bucket) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        proxy.freeze_after = [2_000_000]
        assert get(NAME).content_sha256 == get(big).content_sha256
        assert proxy.links == 3  # the last link is for the .sha256


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_is_said_without_showing_it(
    name: str,
    bucket: int,
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, "wrong-secret")
    with pytest.raises(SourceError, match=r"HTTP 403\); check AWS_ACCESS_KEY_ID") as caught:
        get(NAME)
    assert "secret" not in str(caught.value) + str(capfd.readouterr())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("RequestTimeTooSkewed", "check this machine's clock"),
        ("InvalidToken", "check AWS_SESSION_TOKEN"),
        ("ExpiredToken", "check AWS_SESSION_TOKEN, which has expired"),
        ("PermanentRedirect", "check AWS_REGION and AWS_ENDPOINT_URL"),
        ("AuthorizationHeaderMalformed", "check AWS_REGION"),
    ],
)
def test_a_refusal_is_named_for_what_it_is(
    code: str, words: str, bucket: int, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(bucket) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        proxy.answer = (403, f"<Error><Code>{code}</Code></Error>".encode())
        with pytest.raises(SourceError, match=words):
            get(NAME)
    assert len(proxy.requests) == 1


def test_an_endpoint_that_is_not_encrypted(
    bucket: int, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://storage.example")
    with pytest.raises(UsageError, match="isn't encrypted"):
        get(NAME)


def test_a_platform_has_its_own_bucket_and_keys(
    bucket: int, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in endpoint(bucket).items():
        monkeypatch.setenv(f"{name}_OPENCODELISTS", value)
    with CuttingProxy(free_port()) as elsewhere:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{elsewhere.port}")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "another's")
        assert get(NAME).content_sha256 == get(big).content_sha256
        assert os.environ["AWS_SESSION_TOKEN"] == "another's"
        assert "AWS_ACCESS_KEY_ID_OPENCODELISTS" in os.environ


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_REGION"])
def test_a_platform_with_any_setting_of_its_own_uses_no_shared_one(
    name: str, bucket: int, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{name},O,users,last_login\n" for name in ("opencodelists", "old-opencodelists")]
    header = "platform,platform_name,users_table,login_column\n"
    (tmp_path / "platforms.csv").write_text(header + "".join(rows))
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    monkeypatch.setenv(f"{name}_OLD_OPENCODELISTS", "another's")
    assert get(NAME).content_sha256
    nothing = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(f"{name}_OPENCODELISTS", nothing)
    with pytest.raises(SourceError, match="signed; check AWS_ACCESS_KEY_ID_OPENCODELISTS, "):
        get(NAME)


ASSUMED = """<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken></SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


def test_a_role_is_assumed_with_the_token_that_a_workflow_asks_for(
    bucket: int,
    get: Get,
    big: Path,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    github, aws = Service(content=b'{"value": "who-runs"}'), Service()
    aws.content = ASSUMED.format(*KEYS).encode()
    with served(github), served(aws, authority):
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{github.url}/?of=github")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job")
        asked = [PROJECT / "scripts" / "role-token"]
        token = subprocess.run(asked, check=True, capture_output=True).stdout
        (tmp_path / "token").write_bytes(token)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/reader")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        assert get(NAME).content_sha256 == get(big).content_sha256
    assert github.seen[0].headers["authorization"] == "Bearer of-the-job"
    assert github.asked() == ["GET /?of=github&audience=sts.amazonaws.com"]
    assert "role%2Freader" in aws.seen[0].path
    assert aws.seen[0].path.endswith("WebIdentityToken=who-runs")
