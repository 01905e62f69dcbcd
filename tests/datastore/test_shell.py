"""`ethelred sql` only reads a datastore."""

import subprocess
from pathlib import Path

from tests.support.program import PROGRAM


def test_the_shell_answers_and_can_change_nothing(datastore: Path) -> None:
    before = datastore.read_bytes()
    done = subprocess.run(
        [PROGRAM, "sql", "--datastore", str(datastore)],
        input="select 6 * 7 as answer, count(*) > 0 from logins; delete from logins;",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "42" in done.stdout
    assert "read-only" in done.stderr
    assert datastore.read_bytes() == before
