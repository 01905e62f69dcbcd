"""Which copies to obtain, and within which bounds: what the command line and settings ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ethelred_runner import console
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.platforms import Platform, find_platform, read_platforms
from ethelred_runner.settings import setting

SOURCE = "ETHELRED_SOURCE"
AUTHORIZATION = "ETHELRED_HTTP_AUTHORIZATION"


@dataclass(frozen=True)
class Limits:
    """The bounds that keep a bad copy or a bad network from doing harm.

    `max_bytes` bounds a copy both as it is stored and decompressed. `stall_seconds` is how long
    nothing may arrive before a link counts as dead. A broken link is tried again `retries` times
    in a row without progress, after 1, 2, 4… times `backoff_seconds`; a copy that changes while
    it is read is begun again `restarts` times.
    """

    max_bytes: int = 64 * 2**30
    stall_seconds: float = 15.0
    retries: int = 4
    backoff_seconds: float = 1.0
    restarts: int = 3


@dataclass(frozen=True)
class Request:
    """One copy to obtain.

    `taken_at` is what `--taken-at` said (aware, UTC), if anything. `authorization` names the
    setting with the header that a web server asks for, which no other platform's may see.
    """

    source: str
    platform: Platform
    taken_at: datetime | None = None
    authorization: str = AUTHORIZATION


def requests_for(sources: Sequence[str], platform: str, taken_at: str | None) -> list[Request]:
    """Return what to obtain: the sources given, else the configured one of every platform.

    Raises UsageError if there is none, or if an option makes no sense.
    """
    named = [_named(source, platform) for source in sources] or _configured()
    moment = parse_taken_at(taken_at, len(named))
    return [Request(address, owner, moment, _token(owner, platform)) for address, owner in named]


def configured_sources() -> dict[str, str]:
    """Return the addresses that the settings name, by the identifier of their platform."""
    platforms = read_platforms().values()
    addresses = {one.platform: setting(one.setting(SOURCE)) for one in platforms}
    return {name: address for name, address in addresses.items() if address}


def parse_taken_at(text: str | None, sources: int) -> datetime | None:
    """Return the moment of --taken-at, aware and in UTC.

    Raises UsageError if it isn't one, lies in the future, or there is more than one source.
    """
    if not text:
        return None
    if sources != 1:
        raise UsageError("--taken-at is about one copy: give exactly one source with it")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        advice = "write it like 2026-03-22T05:00:00Z"
        raise UsageError(f"--taken-at {text} is no time: {advice}") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment > datetime.now(UTC) + timedelta(minutes=5):
        raise UsageError(f"--taken-at {text} lies in the future")
    return moment


def _named(source: str, platform: str) -> tuple[str, Platform]:
    """Return a source and the platform that its prefix (`PLATFORM=`) names, else the given one.

    Only the name of a known platform counts as a prefix: a path may hold an equals sign.
    """
    prefix, _, rest = source.partition("=")
    if rest and prefix in read_platforms():
        return rest, find_platform(prefix)
    return source, find_platform(platform)


def _configured() -> list[tuple[str, Platform]]:
    platforms, addresses = read_platforms(), configured_sources()
    if not addresses:
        names = " or ".join(platform.setting(SOURCE) for platform in platforms.values())
        raise UsageError(f"no source: give one, or set {names}")
    for platform in platforms.values():
        if platform.platform not in addresses:
            name = platform.setting(SOURCE)
            console.warn(f"{platform.platform_name} is left out: {name} is not set")
    return [(address, platforms[name]) for name, address in addresses.items()]


def _token(platform: Platform, default: str) -> str:
    """Return which setting has a platform's token: the plain one is the default platform's."""
    own = platform.setting(AUTHORIZATION)
    return AUTHORIZATION if platform.platform == default and not setting(own) else own
