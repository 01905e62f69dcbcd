"""The documents of commands and settings are current."""

import re

from tests.support.cli_docs import PAGE, render
from tests.support.program import PROJECT

SETTING = re.compile(r"\b(?:ETHELRED|AWS)_[A-Z]+(?:_[A-Z]+)*\b(?!_)")
# The name goes on with a library's or a platform's, or is another of AWS's names for the endpoint.
LEFT_OUT = {"ETHELRED_SOURCE", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S"}


def test_the_page_of_the_command_line_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "make docs writes it"


def test_every_setting_is_in_the_example() -> None:
    files = [*PROJECT.glob("ethelred_runner/**/*.py"), *PROJECT.glob("scripts/**/*.py")]
    files += [*PROJECT.glob(".github/workflows/*.yml"), PROJECT / "profiles.yml"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*files, PAGE])
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    used = set(SETTING.findall(text)) - LEFT_OUT
    assert len(used) > 25
    assert sorted(used - set(re.findall(r"^#?(\w+)=", example, re.M))) == []
