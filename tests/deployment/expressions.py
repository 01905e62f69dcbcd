"""The expressions of workflows that are in use here, worked out as GitHub does; others fail.

`a || b`, `a && b`, `a == b`, names of the contexts, texts in single quotes, `always()`.
"""

import re
from collections.abc import Mapping
from typing import Any

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
NAME = re.compile(r"(secrets|vars|inputs|github|needs|steps)((?:\.[\w-]+)+)")
Contexts = Mapping[str, Any]


def texts(values: Mapping[str, Any], contexts: Contexts) -> dict[str, str]:
    """Return a mapping of the workflow with its expressions worked out."""
    return {name: text(str(value), contexts) for name, value in values.items()}


def text(template: str, contexts: Contexts) -> str:
    """Return a text with its expressions worked out."""
    return EXPRESSION.sub(lambda found: evaluated(found.group(1), contexts), template)


def condition(expression: str | None, contexts: Contexts, *, well: bool) -> bool:
    """Tell whether a job or step with this `if` runs; without a status function only if well."""
    if expression == "always()":
        return True
    assert "()" not in (expression or ""), f"the step runner doesn't know {expression}"
    return well and (expression is None or evaluated(expression, contexts) not in ("", "false"))


def evaluated(expression: str, contexts: Contexts) -> str:
    """Work out an expression; what is not set is empty, as on GitHub."""
    for operand in expression.split("||"):
        value = conjunction(operand, contexts)
        if value not in ("", "false"):
            return value
    return value


def conjunction(expression: str, contexts: Contexts) -> str:
    """Work out `a && b`."""
    for operand in expression.split("&&"):
        value = comparison(operand, contexts)
        if value in ("", "false"):
            return value
    return value


def comparison(expression: str, contexts: Contexts) -> str:
    """Work out `a == b`."""
    sides = [operand(side.strip(), contexts) for side in expression.split("==")]
    assert len(sides) < 3, f"the step runner doesn't know {expression}"
    return sides[0] if len(sides) == 1 else str(sides[0] == sides[1]).lower()


def operand(expression: str, contexts: Contexts) -> str:
    """Return the text in quotes, or the value of a name."""
    if re.fullmatch(r"'[^']*'", expression):
        return expression[1:-1]
    name = NAME.fullmatch(expression)
    assert name, f"the step runner doesn't know the expression {expression}"
    found: Any = contexts[name.group(1)]
    for part in name.group(2)[1:].split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    assert isinstance(found, str), f"{expression} is no text"
    return found
