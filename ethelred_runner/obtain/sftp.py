"""A copy on a server reached by SSH: `sftp://[user@]host[:port]/path`."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit

import asyncssh

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.addresses import last_part, printable
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import Found, Interrupted, Reading, Source, SourceChanged
from ethelred_runner.settings import setting

T = TypeVar("T")
KEY = "ETHELRED_SSH_KEY"
KNOWN_HOSTS = "ETHELRED_SSH_KNOWN_HOSTS"
REQUESTS = 64  # reads under way at once: keeps a slow, long link full, in at most 16 MB
BATCH = 2**18  # bytes handed over at once: each time costs a change into the event loop
OPTIONS: dict[str, Any] = {
    "encryption_algs": "^aes128-gcm@openssh.com",  # twice as fast as the first by default
    "max_pktsize": 2**17,  # bytes; a quarter of the packets, each of which costs time
    "window": 2**23,  # bytes
}


class SftpSource(Source):
    """A file on an SSH server.

    Keys come from ETHELRED_SSH_KEY (the private key itself), else from the agent and as
    `~/.ssh/config` says, jump hosts included. Host keys are always checked.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        super().__init__(request, limits)
        self._parts = urlsplit(request.source)
        # `/~/` is the home folder, as in curl and git.
        self._path = unquote(self._parts.path).removeprefix("/~/")
        if not self._parts.hostname or not self._path or self._parts.port == 0:
            raise UsageError(f"{self.label}: write sftp://user@host[:port]/path/to/copy")

    @contextmanager
    def open(self, offset: int, version: str | None) -> Iterator[Reading]:
        """Open the file to read it from a byte on; raises as `Source.open` says."""
        del version  # compared by who calls, with what is found here
        with asyncio.Runner() as runner:
            # Not `runner.run`, which prints each result into a message that nobody sees.
            run = runner.get_loop().run_until_complete
            wait = partial(_wait, run, self.stall_seconds)
            stack = AsyncExitStack()
            try:
                connection = wait(_connect(stack, self._parts))
                client = wait(connection.start_sftp_client())
                found = wait(_found(client, self._path))
                blocks = _blocks(client, self._path, offset, found)
                yield Reading(found, offset, iter(lambda: wait(anext(blocks, b"")), b""))
            finally:
                run(stack.aclose())


def _wait(run: Callable[[Awaitable[T]], T], seconds: float, step: Awaitable[T]) -> T:
    """Take one step, bounded in time; turn the library's errors into ours."""
    try:
        return run(asyncio.wait_for(step, seconds))
    except TimeoutError:
        raise Interrupted(f"nothing arrived for {seconds:g} seconds") from None
    except (OSError, asyncssh.Error, asyncssh.ConfigParseError, asyncssh.KeyImportError) as error:
        raise _explanation(error) from None


async def _found(client: asyncssh.SFTPClient, address: str) -> Found:
    path = str(await client.realpath(address))
    attributes = await client.stat(path)
    if attributes.type not in (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN):
        raise SourceError("it is not a file; name the file of one copy")
    seconds = (attributes.mtime or 0) + (attributes.mtime_ns or 0) // 1000 / 1e6
    version = f"{path} {attributes.size} {seconds}"
    modified_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
    return Found(last_part(quote(path)), attributes.size, modified_at, version)


async def _blocks(
    client: asyncssh.SFTPClient, path: str, offset: int, found: Found
) -> AsyncIterator[bytes]:
    """Put blocks that arrive out of order into order, so that a cut link can be resumed."""
    file = await client.open(await client.realpath(path), "rb", max_requests=REQUESTS)
    early: dict[int, bytes] = {}
    ready = bytearray()
    async for start, block in await file.read_parallel((found.size or 0) - offset, offset):
        early[start] = block
        while following := early.pop(offset, None):
            ready += following
            offset += len(following)
        if len(ready) >= BATCH:
            yield bytes(ready)
            ready.clear()
    if (await _found(client, path)).version != found.version:
        raise SourceChanged("the copy was written to while it was read")
    yield bytes(ready)


async def _connect(stack: AsyncExitStack, target: SplitResult) -> asyncssh.SSHClientConnection:
    """Connect, over the jump hosts that `~/.ssh/config` names, with the same checks for each."""
    options = await asyncssh.SSHClientConnectionOptions.construct(
        None,
        config=(),  # ~/.ssh/config, which is read only if it is asked for
        host=target.hostname,
        port=target.port or (),
        username=unquote(target.username) if target.username else (),
        password=unquote(target.password) if target.password else None,
        **OPTIONS,
        **_keys(),
    )
    hop = None
    for name in filter(None, str(options.tunnel or "").split(",")):
        # Left to the library, a jump host would not see our key and known hosts.
        hop = await _connect(stack, urlsplit(f"sftp://{name}"))
    place, known_hosts = _known_hosts(options)
    try:
        connection = await asyncssh.connect(
            str(target.hostname), options=options, tunnel=hop, known_hosts=known_hosts
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise SourceError(_complaint(options, place, known_hosts, error)) from None
    stack.callback(connection.abort)  # a polite goodbye would wait for ever on a dead link
    return connection


def _keys() -> dict[str, Any]:
    text = setting(KEY)
    if not text:
        return {}
    try:
        # Secrets lose their last line end on the way into many a CI service.
        key = asyncssh.import_private_key(text.replace("\r\n", "\n") + "\n")
    except asyncssh.KeyEncryptionError:
        raise SourceError(f"the key in {KEY} has a passphrase; give one without") from None
    except asyncssh.KeyImportError:
        raise SourceError(f"{KEY} is not a private key; it must hold the whole text") from None
    return {"client_keys": [key], "agent_path": None}


def _known_hosts(options: asyncssh.SSHClientConnectionOptions) -> tuple[str, bytes]:
    """Return the place where a person would add a host key, and the keys that are trusted."""
    text = setting(KNOWN_HOSTS)
    if len(text.split()) > 2:  # a line has a host, a kind and a key
        return KNOWN_HOSTS, text.encode() + b"\n"
    configured: Any = options.known_hosts
    names = [text] if text else list(configured or ["~/.ssh/known_hosts"])
    files = [Path(str(name)).expanduser() for name in names]
    if configured is None and not text:
        files = []  # `UserKnownHostsFile none` would switch the check off: here, trust nobody
    return str(names[0]), b"\n".join(file.read_bytes() for file in files if file.is_file())


def _complaint(
    options: asyncssh.SSHClientConnectionOptions, place: str, known: bytes, error: Exception
) -> str:
    """Say which of the two it is, a host that is new or a key that is, and what to do."""
    host, port = options.host_key_alias or options.host, options.port or 22
    entry = host if port == 22 else f"[{host}]:{port}"
    keys, authorities, *_ = asyncssh.match_known_hosts(
        known, host, "", port if port != 22 else None
    )
    if keys or authorities:
        return (
            f"the host key of {entry} is not the one in {place}, so this may be another "
            f"server; ask its owner, then replace the line in {place}"
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        reason = printable(error.reason)
        return f"{entry} and this program have no encryption in common ({reason})"
    return (
        f"the host key of {entry} is not known; ask the server's owner for it, and add it "
        f"to {place} (`ssh-keyscan -p {port} {host}` shows it)"
    )


def _explanation(error: Exception) -> SourceError:
    match error:
        case asyncssh.PermissionDenied():
            advice = f"check {KEY}, or the agent and ~/.ssh/config, and the user's name"
            return SourceError(f"the server accepts none of the keys; {advice}")
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return SourceError("there is no such file on the server")
        case asyncssh.SFTPPermissionDenied():
            return SourceError("the server's user may not read this file")
        case asyncssh.Error():
            return Interrupted(f"the link broke ({printable(error.reason)})")
        case socket.gaierror(errno=socket.EAI_NONAME):
            return SourceError("no machine has this name; check the address")
        case OSError():
            known = error.errno in errno.errorcode  # asyncio's own texts hold addresses
            reason = os.strerror(error.errno or 0) if known else error.strerror
            return Interrupted(f"the server can't be reached ({reason})")
    return SourceError(f"~/.ssh can't be used: {error}")
