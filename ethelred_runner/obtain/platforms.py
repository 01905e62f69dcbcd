"""The platforms whose logins are counted, read from the seed `platforms.csv`."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import available_timezones

from ethelred_runner.errors import CopyRejected, UsageError
from ethelred_runner.settings import PROJECT, setting

# A login's bytes in the copy, and its storage class: SQLite's `typeof`, or `text` or `null`.
Value = tuple[bytes, str]
LONGEST_VALUE = 64  # characters; a timestamp is far shorter
MAX_NAMES_SHOWN = 30
NEEDED = ("platform", "platform_name", "users_table", "login_column")
FORMATS = {"utc", "epoch_seconds", "epoch_milliseconds"}  # a time zone is the fourth kind
MACHINES_OWN = "localtime"  # no fixed time zone: it depends on the machine


@dataclass(frozen=True)
class Platform:
    """A platform, and where its database keeps each user's latest login.

    `count_only` is a column and a text: only users with that text in that column are counted. If it
    is None, all users are counted. From `retired_on` on, no copies are expected.
    """

    platform: str
    platform_name: str
    users_table: str
    login_column: str
    count_only: tuple[str, str] | None = None
    retired_on: date | None = None

    @property
    def is_retired(self) -> bool:
        """Return whether the platform is no longer in use."""
        return self.retired_on is not None and self.retired_on <= datetime.now(UTC).date()

    def setting_name(self, prefix: str) -> str:
        """Return the name of this platform's own variant of an environment variable."""
        return f"{prefix}_{self.platform.upper().replace('-', '_')}"

    def setting(self, name: str) -> str:
        """Return the platform's own value of a setting, by default the value for all platforms."""
        return setting(self.setting_name(name)) or setting(name)

    def check_columns(self, columns: Sequence[str], tables: Sequence[str] = ()) -> None:
        """Raise CopyRejected, which lists the existing names, if a table or column is missing."""
        wanted = [self.login_column, *(self.count_only[:1] if self.count_only else ())]
        there = {column.lower() for column in columns}
        lacking = [column for column in wanted if column.lower() not in there]
        if not columns:
            what, names = f"table {self.users_table}", tables
        elif lacking:
            what, names = f"column {lacking[0]} in its table {self.users_table}", columns
        else:
            return
        shown = ", ".join(sorted(names)[:MAX_NAMES_SHOWN]) or "none"
        raise CopyRejected(
            f"it has no {what}; is it {self.platform_name}'s? seeds/platforms.csv says which to "
            f"read, and it has: {shown}"
        )


def read_platforms() -> dict[str, Platform]:
    """Return the platforms of the seed by their identifiers, in the seed's order.

    Raises UsageError if the file can't be read, isn't in UTF-8, or has an invalid row.
    """
    seed = PROJECT / setting("ETHELRED_SEEDS", "seeds") / "platforms.csv"
    platforms: dict[str, Platform] = {}
    row: dict[str, str] = {}
    try:
        with seed.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                platforms[row.get("platform", "")] = _platform(row)
    except UnicodeDecodeError:
        raise UsageError('seeds/platforms.csv is not in UTF-8; save it as "CSV UTF-8"') from None
    except ValueError as error:
        name = row.get("platform") or "a row without platform"
        raise UsageError(f"seeds/platforms.csv, {name}: {error}") from None
    except OSError as error:
        raise UsageError(f"{seed} can't be read ({error.strerror}); check ETHELRED_SEEDS") from None
    return platforms


def _platform(row: dict[str, str]) -> Platform:
    if None in row or not all(row.get(column) for column in NEEDED):
        needed = ", ".join(NEEDED)
        raise ValueError(f"the row has more columns than the header, or lacks one of {needed}")
    column, equals, text = (row.get("count_only") or "").partition("=")
    if column and not equals:
        raise ValueError("write count_only as column=value")
    login_format, retired_on = row.get("login_format") or "utc", row.get("retired_on")
    if login_format not in FORMATS | available_timezones() - {MACHINES_OWN}:
        formats = f"{', '.join(sorted(FORMATS))}, nor a time zone such as Europe/London"
        raise ValueError(f"login_format {login_format} is none of {formats}")
    try:
        retired = date.fromisoformat(retired_on) if retired_on else None
    except ValueError:
        raise ValueError(f"retired_on {retired_on} is no date such as 2026-03-31") from None
    names = row["platform"], row["platform_name"], row["users_table"], row["login_column"]
    return Platform(*names, (column, text) if column else None, retired)


def find_platform(name: str) -> Platform:
    """Return the platform with this identifier. Raises UsageError if the seed lacks it."""
    platforms = read_platforms()
    if name not in platforms:
        known = ", ".join(platforms)
        raise UsageError(f"no platform is called {name}; seeds/platforms.csv has: {known}")
    return platforms[name]
