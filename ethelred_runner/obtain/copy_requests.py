"""The copies that the command line and the settings ask for."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ethelred_runner import console
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.platforms import Platform, find_platform, read_platforms
from ethelred_runner.settings import setting

DEFAULT_PLATFORM = "opencodelists"
SOURCE = "ETHELRED_SOURCE"
AUTHORIZATION = "ETHELRED_HTTP_AUTHORIZATION"
EARLIEST_YEAR = 2000  # as earliest_plausible_login in dbt_project.yml


@dataclass(frozen=True)
class CopyRequest:
    """One copy to obtain.

    `taken_at` is the value of `--taken-at` (aware, UTC). `authorization_setting` names the setting
    with the Authorization header, which only this platform's web server may receive.
    """

    source: str = field(repr=False)  # it may hold a password
    platform: Platform
    taken_at: datetime | None = None
    authorization_setting: str = AUTHORIZATION


def requests_for(sources: Sequence[str], platform: str, taken_at: str | None) -> list[CopyRequest]:
    """Return the requests for the given sources, by default for the configured ones.

    `taken_at` is the text of --taken-at. Raises UsageError if there is no source, or if an option
    is invalid.
    """
    # Without sources, --platform only selects: the token without a suffix is the default's.
    default = (platform if sources else "") or DEFAULT_PLATFORM
    named = [_split_platform(source, default) for source in sources]
    named = named or _selected_sources(platform)
    if taken_at and len(named) != 1:
        raise UsageError("--taken-at is about one copy: give exactly one source with it")
    moment = _parsed(taken_at) if taken_at else None
    return [
        CopyRequest(address, owner, moment, _authorization_setting(owner, default))
        for address, owner in named
    ]


def configured_sources() -> dict[str, str]:
    """Return the addresses that the settings name, by the identifier of their platform."""
    platforms = read_platforms().values()
    addresses = {one.platform: setting(one.setting_name(SOURCE)) for one in platforms}
    return {name: address for name, address in addresses.items() if address}


def _parsed(text: str) -> datetime:
    moment = None
    with suppress(ValueError, OverflowError):  # a date alone would mean midnight, before its logins
        given = datetime.fromisoformat(text) if re.search(r"\d[Tt ]\d\d", text) else None
        moment = given and (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    if not moment:
        example = "2026-03-22T05:00:00Z"
        raise UsageError(f"--taken-at {text} is no date with a time; write it like {example}")
    if moment.year < EARLIEST_YEAR or moment > datetime.now(UTC) + timedelta(minutes=5):
        raise UsageError(f"--taken-at {text} lies in the future, or before {EARLIEST_YEAR}")
    return moment


def _split_platform(source: str, platform: str) -> tuple[str, Platform]:
    """Return a source and the platform that its prefix (`PLATFORM=`) names, else the given one."""
    prefix, _, rest = source.partition("=")
    if rest and prefix in read_platforms():  # a path may hold an equals sign
        return rest, find_platform(prefix)
    return source, find_platform(platform)


def _selected_sources(platform: str) -> list[tuple[str, Platform]]:
    addresses = configured_sources()
    in_use = [one for one in read_platforms().values() if not one.is_retired]
    wanted = [find_platform(platform)] if platform else in_use
    found = [(addresses[one.platform], one) for one in wanted if one.platform in addresses]
    unset = [one for one in wanted if one.platform not in addresses]
    if not found:
        names = " or ".join(one.setting_name(SOURCE) for one in unset) or "a platform in use"
        raise UsageError(f"no source: give one, or set {names}")
    for one in unset:
        console.warn(f"{one.platform_name} is left out: {one.setting_name(SOURCE)} is not set")
    return found


def _authorization_setting(platform: Platform, default: str) -> str:
    """Return the name of the setting with a platform's token; the default may lack a suffix."""
    own = platform.setting_name(AUTHORIZATION)
    return AUTHORIZATION if platform.platform == default and not setting(own) else own
