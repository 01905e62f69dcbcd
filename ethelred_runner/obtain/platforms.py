"""The platforms whose logins are counted, read from `seeds/platforms.csv`."""

import csv
from dataclasses import dataclass
from pathlib import Path

from ethelred_runner.errors import UsageError
from ethelred_runner.project import PROJECT


@dataclass(frozen=True)
class Platform:
    """A platform, and where its database keeps each user's latest login."""

    platform: str
    platform_name: str
    users_table: str
    login_column: str

    @property
    def is_demo(self) -> bool:
        """Tell whether the platform is a simulated one, of which only the demo has copies."""
        return self.platform.startswith("demo_")


def read_platforms(seed: Path = PROJECT / "seeds" / "platforms.csv") -> dict[str, Platform]:
    """Return the platforms of the seed by their identifiers, in the seed's order."""
    with seed.open(encoding="utf-8", newline="") as lines:
        return {row["platform"]: Platform(**row) for row in csv.DictReader(lines)}


def find_platform(name: str) -> Platform:
    """Return the platform with this identifier, unless it is the demo's.

    Raises UsageError if the seed has no such platform.
    """
    platforms = {key: one for key, one in read_platforms().items() if not one.is_demo}
    if name not in platforms:
        known = ", ".join(platforms)
        raise UsageError(f"no platform is called {name}; seeds/platforms.csv has: {known}")
    return platforms[name]
