"""What a run works on: a copy of the datastore."""

from dataclasses import dataclass
from pathlib import Path

from ethelred_runner.errors import DatastoreError


class Conflict(DatastoreError):
    """Somebody else has committed since the checkout: begin again with what they committed."""


@dataclass
class Checkout:
    """A private work file with the datastore's content; it isn't there yet if `is_new`."""

    path: Path
    is_new: bool
    is_discarded: bool = False

    def discard(self) -> None:
        """Have nothing committed on leaving."""
        self.is_discarded = True
