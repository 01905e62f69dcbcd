"""What a build brought in, for a person to read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore import connect

NEW_COPIES = """
    select
        platform, taken_at, taken_at_from, users, new_logins, rejected_logins,
        copy_id in (select unnest($known)) as is_known
    from copies
    order by platform, taken_at
"""


@dataclass(frozen=True)
class NewCopy:
    """One copy that a build appended; `taken_at` is in UTC."""

    platform: str
    taken_at: datetime
    taken_at_from: str
    users: int
    new_logins: int
    rejected_logins: int
    is_older: bool


@dataclass(frozen=True)
class Summary:
    """What a build appended, and what its datastore holds now.

    `newest_taken_at` has, by platform, when the newest copy was taken (UTC).
    """

    copies: Sequence[NewCopy]
    copies_given: int
    logins: int
    newest_taken_at: Mapping[str, datetime]

    @property
    def new_logins(self) -> int:
        """The number of logins appended."""
        return sum(copy.new_logins for copy in self.copies)

    @property
    def copies_known(self) -> int:
        """The number of copies that the datastore had already."""
        return self.copies_given - len(self.copies)


def copy_ids(datastore: Path) -> list[str]:
    """Return the identifiers of the copies that a datastore has read."""
    with closing(connect(datastore)) as connection:
        return [row[0] for row in connection.execute("select copy_id from copies").fetchall()]


def summarise(datastore: Path, known: Sequence[str], copies_given: int) -> Summary:
    """Compare a built datastore with the copies that were known before the build."""
    with closing(connect(datastore)) as connection:
        rows = connection.execute(NEW_COPIES, {"known": list(known)}).fetchall()
        logins = connection.execute("select count(*) from logins").fetchall()[0][0]
    before = {platform: taken_at for platform, taken_at, *_, is_known in rows if is_known}
    newest = {platform: taken_at for platform, taken_at, *_ in rows}
    new = [
        NewCopy(*(*row[:-1], row[1] < before.get(row[0], row[1]))) for row in rows if not row[-1]
    ]
    return Summary(new, copies_given, logins, newest)


def warnings(summary: Summary) -> Iterator[str]:
    """Yield what a person should look at, in a line each."""
    for copy in summary.copies:
        taken = f"the copy of {copy.platform} taken {at(copy.taken_at)}"
        if copy.taken_at_from == "newest_login":
            yield (
                f"{taken}: its modification time is missing or disagrees with its name, so its "
                "newest login stands in for it; --taken-at can say better"
            )
        if copy.rejected_logins:
            yield (
                f"{taken}: {count(copy.rejected_logins, 'value')} could not be taken for a login; "
                "the table rejected_logins lists their shapes"
            )


def stale(summary: Summary, platforms: Iterable[str], max_age_hours: float) -> Iterator[str]:
    """Yield a line for each of the platforms whose newest copy is older than so many hours."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for platform in sorted(set(platforms)):
        taken_at = summary.newest_taken_at[platform]
        if now - taken_at > timedelta(hours=max_age_hours):
            yield (
                f"the newest copy of {platform} was taken {at(taken_at)}, more than "
                f"{max_age_hours:g} hours ago: is its backup job at work?"
            )


def results(summary: Summary) -> Iterator[str]:
    """Yield what was done, in a line each."""
    if summary.copies_known:
        yield f"{count(summary.copies_known, 'copy', 'copies')} had been read before"
    older = sum(copy.is_older for copy in summary.copies)
    if older:
        yield f"{count(older, 'copy is', 'copies are')} older than the newest one known (backfill)"
    appended = count(summary.new_logins, "new login")
    yield (
        f"appended {appended} from {count(len(summary.copies), 'new copy', 'new copies')}; "
        f"the datastore holds {count(summary.logins, 'login')}"
        if summary.copies
        else f"nothing new to append; the datastore holds {count(summary.logins, 'login')}"
    )


def hour_of(moment: datetime) -> datetime:
    """Return the hour in which a copy was taken, which is all that is told of it in public.

    Where the newest login stands in for its time, the rest of it is when somebody logged in.
    """
    return moment.replace(minute=0, second=0, microsecond=0)


def at(moment: datetime) -> str:
    """Write the hour of a moment (UTC) for people."""
    return f"{hour_of(moment):%Y-%m-%d %H:%M} UTC"


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
