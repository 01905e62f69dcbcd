"""A copy on a server reached by SSH: `sftp://[user[:password]@]host[:port]/path`."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from errno import errorcode
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import asyncssh

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.source import CHUNK, RetryableError, Source, SourceChanged, SourceFile

logging.getLogger("asyncio").disabled = True  # it would log a broken connection many times

KEY = "ETHELRED_SSH_KEY"
KNOWN_HOSTS = "ETHELRED_SSH_KNOWN_HOSTS"
NO_SFTP = (
    "the login works, but what answers is not SFTP: the server may have no sftp subsystem, "
    "or the login prints a greeting; ask the server's owner"
)
NO_HOST_KEY = (
    f"the server's host key is not in {KNOWN_HOSTS} (or, if that is unset, in the known hosts of "
    "~/.ssh); ask its owner whether the key is right, and add it"
)
REFUSALS: dict[type[Exception], str] = {
    asyncssh.PermissionDenied: f"none of the keys is accepted; check user and key ({KEY} or agent)",
    asyncssh.SFTPNoSuchFile: "there is no such file on the server",
    asyncssh.SFTPPermissionDenied: "the server's user may not read this file",
}
# Errors of Python and asyncssh, by words of their messages.
ADVICE = {
    "home directory": "this user has no home folder, where ~/.ssh would be; set HOME",
    "local username": "this user has no name, which SSH asks for; set LOGNAME to any name",
    "'idna' codec": "a host's name can't be right; check the address and ~/.ssh/config",
}


class SftpSource(Source):
    """A file on an SSH server.

    The private key is the text of ETHELRED_SSH_KEY_<PLATFORM> or ETHELRED_SSH_KEY. Without them the
    keys of the agent and of `~/.ssh/config` are tried. That file may also name jump hosts. Each
    host key is checked.
    """

    def __init__(self, request: CopyRequest) -> None:
        super().__init__(request)
        self._parts = urlsplit(request.source)
        # `/~/` is the home folder, as in curl and git.
        self._path = unquote(self._parts.path).removeprefix("/~/")
        if not self._parts.hostname or not self._path or self._parts.port == 0:
            raise UsageError(f"{self.label}: write sftp://user@host[:port]/path/to/copy")

    @contextmanager
    def open(self, offset: int, validators: tuple[str, ...]) -> Iterator[SourceFile]:
        """Open the file for reading from byte `offset` on; raises as `Source.open` says."""
        with asyncio.Runner() as runner, ExitStack() as stack:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda *_: None)  # when one parallel read fails, all do
            # `runner.run` would format each result, a whole chunk, for a debug message.
            wait = partial(_wait, loop.run_until_complete, self.stall_seconds)
            connection = wait(_connect(stack, self._parts, self.request.platform))
            client = wait(_start_sftp(connection))
            reading = wait(_look_at(client, self._path))
            yield replace(reading, offset=offset, chunks=_chunks(wait, client, reading, offset))


def _wait(run: Callable[..., Any], seconds: float, step: Awaitable[Any]) -> Any:
    """Run one step with a timeout, and translate the library's errors."""
    try:
        return run(asyncio.wait_for(step, seconds))
    except TimeoutError:
        raise RetryableError(f"nothing arrived for {seconds:g} seconds") from None
    except asyncssh.Error as error:
        if refusal := REFUSALS.get(type(error)):
            raise SourceError(refusal) from None
        raise RetryableError(f"the connection broke ({error.reason[:200]!r})") from None
    except OSError as error:  # asyncio's own text may have the address in it
        if "No username" in str(error):  # from Python 3.13 on
            raise SourceError(ADVICE["local username"]) from None
        reason = os.strerror(error.errno or 0) if error.errno in errorcode else error.strerror
        raise RetryableError(f"the server can't be reached ({reason})") from None
    except asyncssh.packet.PacketDecodeError:
        raise RetryableError("what the server sends is not SSH") from None
    except (RuntimeError, ValueError) as error:  # also a user without an entry in /etc/passwd
        if advice := next((ADVICE[words] for words in ADVICE if words in str(error)), None):
            raise SourceError(advice) from None
        if isinstance(error, RuntimeError):
            raise
        # A faulty key or setting; the text quotes no key.
        raise SourceError(f"{KEY} or ~/.ssh can't be used: {error}") from None


async def _start_sftp(connection: asyncssh.SSHClientConnection) -> asyncssh.SFTPClient:
    try:
        return await connection.start_sftp_client()
    except asyncssh.Error:
        if connection.is_closed():
            raise
        raise SourceError(NO_SFTP) from None


async def _look_at(client: asyncssh.SFTPClient, address: str) -> SourceFile:
    path = str(await client.realpath(address))
    found = await client.stat(path)
    if found.type not in (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN):
        raise SourceError("there is no such file on the server")
    validators = (path, str(found.size), str(found.mtime))
    return SourceFile(path, found.size, found.mtime, validators)


def _chunks(
    wait: Callable[..., Any], client: asyncssh.SFTPClient, reading: SourceFile, offset: int
) -> Iterator[bytes]:
    """Yield chunks in order; the library reads the blocks of each in parallel."""
    file = wait(client.open(reading.path, "rb", block_size=2**14, max_requests=64))
    while chunk := wait(file.read(CHUNK, offset)):
        yield chunk
        offset += len(chunk)
    if wait(_look_at(client, reading.path)).validators != reading.validators:
        raise SourceChanged("the copy was written to while it was read")


async def _connect(
    stack: ExitStack, target: SplitResult, platform: Platform
) -> asyncssh.SSHClientConnection:
    """Connect through the jump hosts of `~/.ssh/config`, and check the host key of each."""
    # Many CI services strip the last line end of a secret.
    secret = platform.setting(KEY)
    key = secret and f"{secret}\n".replace("\r\n", "\n")
    options = await asyncssh.SSHClientConnectionOptions.construct(
        None,
        config=(),  # an empty sequence stands for ~/.ssh/config
        host=target.hostname,
        port=target.port or (),
        username=unquote(target.username) if target.username else (),
        password=unquote(target.password) if target.password else None,
        encryption_algs="^aes128-gcm@openssh.com",  # twice as fast as the default
        client_keys=[asyncssh.import_private_key(key)] if key else (),
        agent_path=None if key else (),
    )
    hop, host, trusted = None, str(target.hostname), _known_hosts(options, platform)
    for name in filter(None, str(options.tunnel or "").split(",")):
        # The library itself would use neither our key nor our known hosts for a jump host.
        hop = await _connect(stack, urlsplit(f"sftp://{name}"), platform)
    try:
        connection = await asyncssh.connect(host, options=options, tunnel=hop, known_hosts=trusted)
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
        scan = f"ssh-keyscan -p {options.port or 22} {options.host}"
        raise SourceError(f"{NO_HOST_KEY} (`{scan}` shows it)") from None
    stack.callback(connection.abort)  # a graceful close would hang on a dead connection
    return connection


def _known_hosts(options: asyncssh.SSHClientConnectionOptions, platform: Platform) -> bytes:
    """Return the known hosts of the setting, or of files.

    `none` as a file's name in ~/.ssh/config doesn't turn the check off.
    """
    text = platform.setting(KNOWN_HOSTS)
    if len(text.split()) > 1 and not os.path.isfile(text):  # noqa: PTH113 -- Path raises if it is long
        return text.encode() + b"\n"
    configured: Any = options.known_hosts
    names = [text] if text else list(configured or ["~/.ssh/known_hosts"])
    files = [Path(str(name)).expanduser() for name in names]
    return b"\n".join(file.read_bytes() for file in files if file.is_file())
