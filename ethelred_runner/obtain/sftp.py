"""A copy on a server reached by SSH: `sftp://[user@]host[:port]/path`."""

import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import asyncssh

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.sources.base import (
    Found,
    Interrupted,
    Reading,
    SourceChanged,
    last_part,
    redacted,
    utc,
)

KEY = "ETHELRED_SSH_KEY"
KNOWN_HOSTS = "ETHELRED_SSH_KNOWN_HOSTS"
REQUESTS = 64  # reads under way at once: keeps a slow, long link full, in at most 16 MB
OPTIONS: dict[str, Any] = {
    "encryption_algs": "^aes128-gcm@openssh.com",  # twice as fast as the first by default
    "max_pktsize": 2**17,  # bytes; a quarter of the packets, each of which costs time
    "window": 2**23,  # bytes
    "keepalive_interval": 15,  # seconds; keeps a link open while decompression is behind
}


class SftpSource:
    """A file on an SSH server.

    Keys come from ETHELRED_SSH_KEY (the private key itself), else from the agent and as
    `~/.ssh/config` says, jump hosts included. Host keys are always checked.
    """

    def __init__(self, address: str) -> None:
        self.label = redacted(address)
        self._parts = urlsplit(address)
        path = unquote(self._parts.path)
        # `/~/` is the home folder, as in curl and git.
        self._path = path.removeprefix("/~/")
        try:
            complete = self._parts.hostname and self._path and (self._parts.port or 22)
        except ValueError:
            complete = False
        if not complete:
            raise UsageError(f"{self.label}: write sftp://user@host[:port]/path/to/copy")

    @asynccontextmanager
    async def open(self, offset: int, version: str | None) -> AsyncIterator[Reading]:
        """Open the file to read it from a byte on; raises as `Source.open` says."""
        del version  # compared by `download`, with what is found here
        async with AsyncExitStack() as stack:
            with _explained(self.label):
                connection = await _connect(stack, self.label, self._parts)
                client = await connection.start_sftp_client()
                path = await client.realpath(self._path)
                found = _found(str(path), await client.stat(path))
                file = await client.open(path, "rb", max_requests=REQUESTS)
            yield Reading(found, offset, self._chunks(client, file, found, offset))

    async def _chunks(
        self,
        client: asyncssh.SFTPClient,
        file: asyncssh.SFTPClientFile,
        found: Found,
        offset: int,
    ) -> AsyncIterator[bytes]:
        with _explained(self.label):
            size = (found.size or 0) - offset
            async for chunk in _in_order(await file.read_parallel(size, offset), offset):
                yield chunk
            path = await client.realpath(self._path)
            if _found(str(path), await client.stat(path)).version != found.version:
                raise SourceChanged(f"{self.label}: the copy was written to while it was read")


async def _in_order(blocks: AsyncIterator[tuple[int, bytes]], at: int) -> AsyncIterator[bytes]:
    """Put blocks that arrive out of order into order, so that a cut link can be resumed."""
    early: dict[int, bytes] = {}
    async for offset, block in blocks:
        early[offset] = block
        while ready := early.pop(at, None):
            yield ready
            at += len(ready)


def _found(path: str, attributes: asyncssh.SFTPAttrs) -> Found:
    seconds = (attributes.mtime or 0) + (attributes.mtime_ns or 0) // 1000 / 1e6
    if attributes.type not in (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN):
        raise SourceError("it is not a file; name the file of one copy")
    version = f"{path} {attributes.size} {seconds}"
    return Found(last_part(path.replace("%", "%25")), attributes.size, utc(seconds), version)


async def _connect(
    stack: AsyncExitStack,
    label: str,
    target: SplitResult,
) -> asyncssh.SSHClientConnection:
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
        hop = await _connect(stack, label, urlsplit(f"sftp://{name}"))
    trusted = _Trusted(options)
    try:
        connection = await asyncssh.connect(
            str(target.hostname), options=options, tunnel=hop, known_hosts=trusted.hosts
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise SourceError(trusted.complaint(error)) from None
    stack.callback(connection.abort)  # a polite goodbye would wait for ever on a dead link
    return connection


def _keys() -> dict[str, Any]:
    text = os.environ.get(KEY)
    if not text:
        return {}
    try:
        # Secrets lose their last line end on the way into many a CI service.
        key = asyncssh.import_private_key(text.replace("\r\n", "\n").strip() + "\n")
    except asyncssh.KeyEncryptionError:
        raise SourceError(f"the key in {KEY} has a passphrase; give one without") from None
    except asyncssh.KeyImportError:
        raise SourceError(f"{KEY} is not a private key; it must hold the whole text") from None
    return {"client_keys": [key], "agent_path": None}


class _Trusted:
    """The host keys that are trusted, and the place a person would have to edit."""

    def __init__(self, options: asyncssh.SSHClientConnectionOptions) -> None:
        self._options = options
        text = os.environ.get(KNOWN_HOSTS, "")
        if text and not Path(text).expanduser().is_file():
            self.place, self.hosts = KNOWN_HOSTS, text.strip().encode() + b"\n"
            return
        # `UserKnownHostsFile none` would switch the check off: here it means, trust nobody.
        configured: Any = options.known_hosts
        named = [text] if text else list(configured or ["~/.ssh/known_hosts"])
        files = [Path(str(name)).expanduser() for name in named]
        self.place = str(named[0])
        self.hosts = b"\n".join(file.read_bytes() for file in files if file.is_file())
        if configured is None and not text:
            self.hosts = b""

    def complaint(self, error: Exception) -> str:
        """Say which of the two it is, a host that is new or a key that is, and what to do."""
        host, port = self._options.host_key_alias or self._options.host, self._options.port or 22
        entry = host if port == 22 else f"[{host}]:{port}"
        if self._knows(host, port):
            return (
                f"the host key of {entry} is not the one in {self.place}, so this may be another "
                f"server; ask its owner, then replace the line in {self.place}"
            )
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return f"{entry} and this program have no encryption in common ({error.reason})"
        return (
            f"the host key of {entry} is not known; ask the server's owner for it, and add it "
            f"to {self.place} (`ssh-keyscan -p {port} {host}` shows it)"
        )

    def _knows(self, host: str, port: int) -> bool:
        matches = asyncssh.match_known_hosts(self.hosts, host, "", port if port != 22 else None)
        return bool(matches[0] or matches[1])


@contextmanager
def _explained(label: str) -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except SourceError as error:
        if str(error).startswith(label):
            raise
        raise type(error)(f"{label}: {error}") from None
    except Exception as error:
        raise _explanation(label, error) or error from None


def _explanation(label: str, error: Exception) -> SourceError | None:
    match error:
        case asyncssh.PermissionDenied():
            return SourceError(
                f"{label}: the server accepts none of the keys; check {KEY}, or the agent and "
                "~/.ssh/config, and the user's name"
            )
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return SourceError(f"{label}: there is no such file on the server")
        case asyncssh.SFTPPermissionDenied():
            return SourceError(f"{label}: the server's user may not read this file")
        case asyncssh.ConfigParseError() | asyncssh.KeyImportError():
            return SourceError(f"{label}: ~/.ssh can't be used: {error}")
        case asyncssh.DisconnectError() | asyncssh.SFTPError() | asyncssh.ChannelOpenError():
            return Interrupted(f"{label}: the link broke ({error.reason})")
        case socket.gaierror(errno=socket.EAI_NONAME):
            return SourceError(f"{label}: no machine has this name; check the address")
        case OSError() if not isinstance(error, TimeoutError):
            known = error.errno in errno.errorcode  # asyncio's own texts hold addresses
            reason = os.strerror(error.errno or 0) if known else error.strerror
            return Interrupted(f"{label}: the server can't be reached ({reason})")
    return None
