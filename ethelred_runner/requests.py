"""Which copies to obtain: what the command line and the environment ask for."""

import os
from collections.abc import Sequence

from ethelred_runner import console, options
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain import Request
from ethelred_runner.platforms import Platform, find_platform, read_platforms


def requests_for(sources: Sequence[str], platform: str, taken_at: str | None) -> list[Request]:
    """Return what to obtain: the sources given, else the configured one of every platform.

    Raises UsageError if there is none, or if an option makes no sense.
    """
    if not sources:
        return configured_requests(platform, taken_at)
    moment = options.parse_taken_at(taken_at, len(sources))
    return [Request(*named(source, platform), moment, platform) for source in sources]


def named(source: str, platform: str) -> tuple[str, Platform]:
    """Return a source and the platform that its prefix (`PLATFORM=`) names, else the given one.

    Only the name of a known platform counts as a prefix: a path may hold an equals sign.
    """
    prefix, _, rest = source.partition("=")
    if rest and prefix in read_platforms():
        return rest, find_platform(prefix)
    return source, find_platform(platform)


def configured_requests(default_platform: str, taken_at: str | None) -> list[Request]:
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
    return [Request(source, one, moment, default_platform) for one, source in found]


def setting_of(platform: str) -> str:
    """Return the name of the environment variable with a platform's source."""
    return f"ETHELRED_SOURCE_{platform.upper().replace('-', '_')}"
