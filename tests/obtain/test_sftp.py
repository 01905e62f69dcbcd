"""SFTP from Debian's OpenSSH server, with keys, host keys, jump hosts, cut and frozen links."""

import asyncio
import getpass
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import asyncssh
import pytest

from ethelred_runner.errors import SourceError
from tests.support.copies import Get, compressed, make_database
from tests.support.program import PROGRAM
from tests.support.servers import CuttingProxy, free_port, needed, running, wait_for

KEY = "ETHELRED_SSH_KEY"
KNOWN = "ETHELRED_SSH_KNOWN_HOSTS"


@dataclass
class Ssh:
    port: int
    key: Path
    host_key: str
    log: Path

    def url(self, path: object, port: int = 0) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{port or self.port}{path}"

    def known(self, port: int = 0) -> str:
        return f"[127.0.0.1]:{port or self.port} {self.host_key}\n"


def make_key(path: Path) -> Path:
    keygen = needed("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@contextmanager
def serving(place: Path, **changes: str) -> Iterator[Ssh]:
    """Run an SSH server with further settings."""
    program = needed("sshd", "openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd needs it, and Debian's service would make it
    host_key, key, port = make_key(place / "host"), make_key(place / "user"), free_port()
    allowed = place / "allowed"
    allowed.write_text((place / "user.pub").read_text())
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": host_key,
        "PidFile": "none",
        "AuthorizedKeysFile": allowed,
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
        "Subsystem": "sftp internal-sftp",
    }
    config = place / "config"
    config.write_text("".join(f"{name} {value}\n" for name, value in (settings | changes).items()))
    with running([program, "-D", "-e", "-f", str(config)], place / "log") as process:
        wait_for(port, process)
        public = " ".join((place / "host.pub").read_text().split()[:2])
        yield Ssh(port, key, public, place / "log")


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    with serving(tmp_path_factory.mktemp("sshd")) as ssh:
        yield ssh


@pytest.mark.parametrize(
    "changes",
    [
        {"Subsystem": "other internal-sftp"},
        {"ForceCommand": "echo Welcome to this server, please be kind to it"},
        {"ForceCommand": "echo Hi"},
    ],
)
def test_a_login_without_sftp_is_said_at_once(
    changes: dict[str, str],
    get: Get,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(tmp_path, **changes) as ssh:
        trust(ssh, monkeypatch)
        with pytest.raises(SourceError, match="the login works, but what answers is not SFTP"):
            get(ssh.url("/copy"))
    assert "trying again" not in capfd.readouterr().err


class Strange(asyncssh.SFTPServer):
    """A server that gives neither size nor time, or answers with its own text."""

    refuses, permissions = False, None

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        if self.refuses:
            raise asyncssh.SFTPFailure("full\n::error::injected\x1b[31m" + "x" * 5000)
        return asyncssh.SFTPAttrs(permissions=self.permissions)

    fstat = lstat = stat  # type: ignore[assignment]


async def listen(keys: list[Path], options: dict[str, str]) -> asyncssh.SSHAcceptor:
    return await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=keys, sftp_factory=Strange, **options
    )


@pytest.mark.parametrize(
    ("refuses", "permissions"), [(False, 0o100644), (False, 0o644), (False, None), (True, None)]
)
def test_a_server_that_tells_little_or_too_much(
    refuses: bool,
    permissions: int | None,
    trusted: Ssh,
    get: Get,
    big: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its text is never printed unchanged, because it could write a workflow's commands (O9)."""
    monkeypatch.setattr(Strange, "refuses", refuses)
    monkeypatch.setattr(Strange, "permissions", permissions)
    keys = [trusted.log.with_name("host")]
    options = {"authorized_client_keys": str(trusted.log.with_name("allowed"))}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(keys, options), loop).result(10)
    monkeypatch.setenv(KNOWN, trusted.known(server.get_port()))
    try:
        if refuses:
            with pytest.raises(SourceError, match=r"full\\n::error::injected\\x1b") as caught:
                get(trusted.url(big, server.get_port()))
            lines = [*str(caught.value).splitlines(), *capfd.readouterr().err.splitlines()]
            assert not [line for line in lines if line.startswith("::") or len(line) > 500]
            assert "\x1b[31m" not in "".join(lines)
        else:
            copy = get(trusted.url(big, server.get_port()))
            assert copy.modified_at is None
            assert copy.content_sha256 == get(big).content_sha256
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.3), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def trust(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, ssh.key.read_text().strip())
    monkeypatch.setenv(KNOWN, ssh.known())


@pytest.fixture
def trusted(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    trust(ssh, monkeypatch)
    return ssh


@pytest.fixture
def proxy(trusted: Ssh, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingProxy]:
    with CuttingProxy(trusted.port) as proxy:
        monkeypatch.setenv(KNOWN, trusted.known(proxy.port))
        yield proxy


def test_a_symbolic_link_gives_the_name_and_time_of_what_it_points_at(
    trusted: Ssh, get: Get, big: Path
) -> None:
    link = big.with_name("latest-db.sqlite3.zst")
    link.symlink_to(big.name)
    os.utime(big, (1774836001, 1774836001))
    copy = get(trusted.url(link))
    assert copy.name == "2026-03-30-db.sqlite3.zst"
    assert copy.modified_at == datetime(2026, 3, 30, 2, 0, 1, tzinfo=UTC)
    assert copy.content_sha256 == get(big).content_sha256


def test_a_path_below_the_home_folder(trusted: Ssh, get: Get, big: Path) -> None:
    # sshd takes the home folder from the user database, so the path is absolute.
    up = "../" * 10
    assert get(trusted.url(f"/~/{up}{big.relative_to('/')}")).name == big.name


def test_a_broken_link_is_resumed(proxy: CuttingProxy, trusted: Ssh, get: Get, big: Path) -> None:
    proxy.cut_after, proxy.freeze_after = [2_500_000], [2**60, 2_500_000]
    copy = get(trusted.url(big, proxy.port))
    assert proxy.links == 4  # the last link is for the .sha256
    assert copy.content_sha256 == get(big).content_sha256


@pytest.mark.parametrize("path", ["/no/such/copy", "/"])
def test_what_is_not_there(trusted: Ssh, get: Get, path: str) -> None:
    with pytest.raises(SourceError, match="no such file on the server"):
        get(trusted.url(path))
    with pytest.raises(SourceError, match=r"can't be reached \(Connection refused\) \(tried 5"):
        get(trusted.url(path, free_port()))


@pytest.mark.parametrize(
    "error", [KeyError("uid not found"), OSError("No username set in the environment")]
)
def test_a_user_without_a_name_is_told_what_to_set(
    error: Exception, trusted: Ssh, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The errors are those of Python 3.12 and 3.13."""
    url = trusted.url("/copy")
    monkeypatch.setattr(getpass, "getuser", Mock(side_effect=error))
    with pytest.raises(SourceError, match="has no name, which SSH asks for; set LOGNAME"):
        get(url)


def test_a_host_that_no_server_can_have(get: Get) -> None:
    with pytest.raises(SourceError, match="a host's name can't be right; check the address"):
        get("sftp://me@ho..st/copy")


def test_a_copy_replaced_between_two_links_is_begun_again(
    proxy: CuttingProxy, trusted: Ssh, get: Get, big: Path, tmp_path: Path
) -> None:
    other = compressed(make_database(tmp_path / "other.sqlite3", users=77), tmp_path / "other.zst")
    expected = get(other).content_sha256
    proxy.cut_after = [2_000_000]
    proxy.before_link = lambda number: number == 1 and other.replace(big)
    assert get(trusted.url(big, proxy.port)).content_sha256 == expected


@pytest.mark.parametrize(
    "form", ["{key}", "# a comment\r\n{key}\r\n", "@revoked * {other}\n{key}", "{many}{key}"]
)
def test_known_hosts_may_be_given_as_text_of_any_length(
    form: str, trusted: Ssh, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().strip()
    many = "".join(f"host-{number} {other}\n" for number in range(200))
    monkeypatch.setenv(KNOWN, form.format(key=trusted.known().strip(), other=other, many=many))
    assert get(trusted.url(big)).name == big.name


@pytest.mark.parametrize("known", ["[127.0.0.1]:1 {key}", "[127.0.0.1]:{port} {other}", ""])
def test_a_host_key_that_is_not_known_is_refused(
    known: str, trusted: Ssh, get: Get, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The key is another host's or has changed, or a setting would switch the check off."""
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    monkeypatch.setenv(KNOWN, known.format(key=trusted.host_key, port=trusted.port, other=other))
    home = Path.home() / ".ssh"
    home.mkdir(mode=0o700)
    (home / "config").write_text("Host *\n UserKnownHostsFile none\n StrictHostKeyChecking no\n")
    advice = rf"is not in {KNOWN}.* ask its owner.*`ssh-keyscan -p {trusted.port} 127\.0\.0\.1`"
    with pytest.raises(SourceError, match=advice):
        get(trusted.url("/copy"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none of the keys is accepted"),
        ("nonsense-secret", "ETHELRED_SSH_KEY or ~/.ssh can't be used"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "ETHELRED_SSH_KEY or ~/.ssh can't be used"),
    ],
)
def test_a_wrong_or_damaged_key_is_said_so_without_showing_it(
    text: str, words: str, trusted: Ssh, get: Get, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(KEY, text or make_key(tmp_path / "wrong").read_text())
    with pytest.raises(SourceError, match=words) as caught:
        get(trusted.url("/copy"))
    assert "secret" not in str(caught.value)


class Babbler(socketserver.BaseRequestHandler):
    """Say hello as an SSH server, and begin a key exchange without its end."""

    def handle(self) -> None:
        self.request.sendall(b"SSH-2.0-Strange\r\n\0\0\0\x0c\4\x14" + bytes(10))
        while self.request.recv(1000):
            pass


def test_a_server_that_speaks_no_ssh_is_tried_again_and_named(trusted: Ssh, get: Get) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Babbler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        with pytest.raises(SourceError, match=r"what the server sends is not SSH \(tried 5 times"):
            get(trusted.url("/copy", server.server_address[1]))
        server.shutdown()


def test_a_user_without_a_home_is_told_what_to_set(trusted: Ssh, tmp_path: Path) -> None:
    nobody = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    command = [*nobody, str(PROGRAM), "obtain", "--to", str(tmp_path), trusted.url("/absent")]
    settings = {"PATH": os.environ["PATH"], "ETHELRED_WORK_DIR": str(tmp_path / "work")}
    for name in ("LOGNAME", "HOME"):
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
        assert (done.returncode, f"; set {name}" in done.stderr) == (3, True), done.stderr
        settings[name] = str(tmp_path)


def test_keys_and_jump_hosts_of_the_configuration(
    ssh: Ssh, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.home() / ".ssh"
    home.mkdir(mode=0o700)
    (home / "known_hosts").write_text(ssh.known() + f"inner {ssh.host_key}\n")
    (home / "config").write_text(
        f"Host inner\n HostName 127.0.0.1\n Port {ssh.port}\n ProxyJump outer\n"
        f" HostKeyAlias inner\nHost outer\n HostName 127.0.0.1\n Port {ssh.port}\n"
        f"Host *\n IdentityFile {ssh.key}\n User {getpass.getuser()}\n"
    )
    assert get(f"sftp://inner{big}").name == big.name
    (home / "known_hosts").write_text(f"inner {ssh.host_key}\n")
    with pytest.raises(SourceError, match=r"host key is not in .*keyscan -p \d+ 127.0.0.1"):
        get(f"sftp://inner{big}")
