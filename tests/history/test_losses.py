"""Lost history is noticed, whatever lost it, before anything is replaced."""

from pathlib import Path

import pytest
from ethelred_runner.build import build
from ethelred_runner.history import check_nothing_gone, check_whole, same_content

from ethelred_runner.errors import DatastoreError

from .conftest import execute, names, sha256

SOME = "where logged_in_at = (select max(logged_in_at) from logins)"
CUT = {
    "a login": f"delete from logins {SOME}",
    "all logins": "truncate logins",
    "the table of logins": "drop table logins",
    "a copy's counts": "delete from active_users where users = 154",
    "the table of copies": "alter table copies rename to read_copies",
    "rejected values": "update copies set rejected_logins = 3",
    "a table made into a view": "alter table active_users rename to kept;"
    " create view active_users as from kept",
}
CHANGED = CUT | {
    "a copy": "delete from copies where users = 154",
    "a login's moment": f"update logins set logged_in_at = timestamp '2001-01-01' {SOME}",
    "a login's number": f"update logins set ordinal = 7 {SOME}",
    "when it was appended": f"update logins set appended_at = timestamp '2001-01-01' {SOME}",
    "a column": "alter table copies drop column taken_at_from",
    "a column of logins": "alter table logins drop column copy_id",
    "a day": "delete from logins_per_day where day = (select max(day) from logins_per_day)",
    "all days": "drop table logins_per_day",
    "a day's logins": "update logins_per_day set logins = logins - 1 where logins > 1",
    "when a copy was taken": "update copies set taken_at = taken_at + interval 1 second",
}


@pytest.mark.parametrize("loss", CHANGED)
def test_what_a_build_loses_is_noticed(loss: str, eight_nights: Path, store: Path) -> None:
    execute(store, CHANGED[loss])
    with pytest.raises(DatastoreError, match="would lose history"):
        check_nothing_gone(eight_nights, store)


@pytest.mark.parametrize("loss", CUT)
def test_what_was_cut_between_two_runs_is_noticed(loss: str, store: Path) -> None:
    execute(store, CUT[loss])
    was = sha256(store)
    with pytest.raises(DatastoreError, match="its history was cut"):
        build([], store)
    assert sha256(store) == was
    assert names(store.parent) == {"ethelred.duckdb", ".ethelred.duckdb.lock"}


def test_what_grows_is_no_loss(eight_nights: Path, store: Path) -> None:
    check_nothing_gone(eight_nights, eight_nights)
    assert same_content(eight_nights, eight_nights)
    execute(
        store,
        "insert into logins select * replace (ordinal + 9 as ordinal, appended_at + interval 1"
        " hour as appended_at) from logins",
        "alter table copies add column remark varchar",
        "update logins_per_day set logins = logins + 1",
    )
    check_nothing_gone(eight_nights, store)
    check_whole(store)
    assert not same_content(eight_nights, store)
