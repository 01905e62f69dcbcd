"""`make docs` writes docs/cli.md from the commands and the errors."""

from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from ethelred_runner import errors
from ethelred_runner.cli.commands import app
from ethelred_runner.settings import PROJECT

PAGE = PROJECT / "docs" / "cli.md"
INTRODUCTION = """For the person who types a command, or sets what a scheduled run does.

Each option can also be set as an environment variable: `--taken-at` is `ETHELRED_TAKEN_AT`. Of the
options of `demo` and `dev`, only `--debug` can. An empty variable counts as unset. `false`, `0` and
`no` are false. `.env.example` lists all variables.
"""


def render() -> str:
    """Return the page: the exit codes, then each command with its options."""
    command = typer.main.get_command(app)
    docs = get_docs_for_click(obj=command, ctx=typer.Context(command), name="ethelred")
    docs = docs.replace("&#x27;", "'").replace(f"{PROJECT}/", "").partition("\n")[2]
    kinds = [kind for kind in vars(errors).values() if hasattr(kind, "exit_code")]
    meanings = {kind.exit_code: (kind.__doc__ or "").splitlines()[0] for kind in kinds}
    meanings[0] = "The command has succeeded."
    meanings[1] = "Something unexpected happened, or a query of `ethelred sql` failed."
    rows = "\n".join(f"| {code} | {meanings[code]} |" for code in sorted(meanings))
    rows += "\n| 129, 130, 143 | A closed terminal, Ctrl-C or another signal has stopped the run. |"
    table = f"## Exit codes\n\n| code | meaning |\n|---|---|\n{rows}\n"
    return f"# The command line\n\n{INTRODUCTION}\n{table}\n## Commands\n{docs.rstrip()}\n"


if __name__ == "__main__":
    Path(PAGE).write_text(render(), encoding="utf-8")
