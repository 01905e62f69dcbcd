"""The platforms whose logins are counted, read from the seed `platforms.csv`."""

import csv
from dataclasses import dataclass

from ethelred_runner.errors import UsageError
from ethelred_runner.settings import PROJECT, setting


@dataclass(frozen=True)
class Platform:
    """A platform, and where its database keeps each user's latest login."""

    platform: str
    platform_name: str
    users_table: str
    login_column: str

    def setting_name(self, prefix: str) -> str:
        """Return the name of an environment variable that each platform has for itself."""
        return f"{prefix}_{self.platform.upper().replace('-', '_')}"


def read_platforms() -> dict[str, Platform]:
    """Return the platforms of the seed by their identifiers, in the seed's order.

    Raises UsageError if it isn't in UTF-8.
    """
    seed = PROJECT / setting("ETHELRED_SEEDS", "seeds") / "platforms.csv"
    try:
        with seed.open(encoding="utf-8-sig", newline="") as lines:
            return {row["platform"]: Platform(**row) for row in csv.DictReader(lines)}
    except UnicodeDecodeError:
        raise UsageError('seeds/platforms.csv is not in UTF-8; save it as "CSV UTF-8"') from None


def find_platform(name: str) -> Platform:
    """Return the platform with this identifier. Raises UsageError if the seed has none such."""
    platforms = read_platforms()
    if name not in platforms:
        known = ", ".join(platforms)
        raise UsageError(f"no platform is called {name}; seeds/platforms.csv has: {known}")
    return platforms[name]
