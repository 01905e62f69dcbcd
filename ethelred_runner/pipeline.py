"""The path of a run: which copies to obtain, and what becomes of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ethelred_runner import console, options
from ethelred_runner.build import Build
from ethelred_runner.errors import UsageError
from ethelred_runner.keep import keep_copies
from ethelred_runner.limits import Limits
from ethelred_runner.obtain import Request, obtain
from ethelred_runner.platforms import Platform, find_platform, read_platforms
from ethelred_runner.store import Store
from ethelred_runner.summary import results, stale, warnings
from ethelred_runner.workspace import private_folder


def requests_for(sources: Sequence[str], platform: str, taken_at: str | None) -> list[Request]:
    """Return what to obtain: the sources given, else the configured one of every platform.

    Raises UsageError if there is none, or if an option makes no sense.
    """
    if not sources:
        return configured_requests(taken_at)
    moment = options.parse_taken_at(taken_at, len(sources))
    return [Request(*named(source, platform), moment) for source in sources]


def named(source: str, platform: str) -> tuple[str, Platform]:
    """Return a source and the platform that its prefix (`PLATFORM=`) names, else the given one.

    Only the name of a known platform counts as a prefix: a path may hold an equals sign.
    """
    prefix, _, rest = source.partition("=")
    if rest and prefix in read_platforms():
        return rest, find_platform(prefix)
    return source, find_platform(platform)


def configured_requests(taken_at: str | None) -> list[Request]:
    """Return a request for each platform whose source the environment names."""
    platforms = [one for one in read_platforms().values() if not one.is_demo]
    settings = {platform: setting_of(platform.platform) for platform in platforms}
    found = [(one, os.environ[name]) for one, name in settings.items() if os.environ.get(name)]
    if not found:
        raise UsageError(f"no source: give one, or set {' or '.join(settings.values())}")
    for platform in platforms:
        if not os.environ.get(settings[platform]):
            console.warn(f"{platform.platform_name} is left out: {settings[platform]} is not set")
    moment = options.parse_taken_at(taken_at, len(found))
    return [Request(source, platform, moment) for platform, source in found]


def setting_of(platform: str) -> str:
    """Return the name of the environment variable with a platform's source."""
    return f"ETHELRED_SOURCE_{platform.upper().replace('-', '_')}"


@dataclass(frozen=True)
class Obtaining:
    """How copies are obtained: their largest size, whether they are kept, when they are old."""

    max_bytes: int = Limits.max_bytes
    keep: bool = False
    max_age_hours: float | None = None


PLAIN = Obtaining()


def append(
    requests: Sequence[Request], store: Store, *, init: bool, how: Obtaining = PLAIN
) -> Build:
    """Obtain copies into a private folder, append them to the datastore, say what was done."""
    store.check(init=init)
    with private_folder(keep=how.keep) as folder:
        if how.keep:
            console.warn(f"the copies stay in {folder}: they are personal data, so remove them")
        copies = obtain(requests, folder, Limits(max_bytes=how.max_bytes))
        built = store.append(copies, init=init)
    for warning in warnings(built.summary):
        console.warn(warning)
    if how.max_age_hours is not None:
        platforms = (request.platform.platform for request in requests)
        for warning in stale(built.summary, platforms, how.max_age_hours):
            console.warn(warning)
    for line in results(built.summary):
        console.say(line)
    return built


def obtain_to(requests: Sequence[Request], directory: Path, max_bytes: int) -> list[Path]:
    """Obtain and verify copies, and keep them in a folder."""
    with private_folder(inside=directory) as folder:
        return keep_copies(obtain(requests, folder, Limits(max_bytes=max_bytes)), directory)
