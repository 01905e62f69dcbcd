"""The path of a run: copies are obtained, and appended to the datastore."""

from collections.abc import Sequence
from dataclasses import dataclass

from ethelred_runner import console
from ethelred_runner.build import Build
from ethelred_runner.limits import Limits
from ethelred_runner.obtain import Request, obtain
from ethelred_runner.store import Store
from ethelred_runner.summary import results, stale, warnings
from ethelred_runner.workspace import private_folder


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
