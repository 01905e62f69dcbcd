"""`ethelred sql` only reads a datastore."""

import subprocess

import pytest

from tests.support.datastores import logins
from tests.support.program import PROGRAM


@pytest.mark.parametrize("place", ["store", "kept"])
def test_the_shell_answers_and_can_change_nothing(
    place: str, request: pytest.FixtureRequest
) -> None:
    """In a file, and in a bucket."""
    address = str(request.getfixturevalue(place))
    done = subprocess.run(
        [PROGRAM, "sql", "--datastore", address],
        input="select 41 + count(*) as answer from logins; delete from logins;",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1  # as DuckDB's shell ends after an error
    assert "42" in done.stdout
    assert "read-only" in done.stderr
    assert logins(address) == [0]
