"""The messages of a retraction."""

from ethelred_runner import console
from ethelred_runner.append.retract import Retraction
from ethelred_runner.datastore import Row
from ethelred_runner.watch.outcome import doubt_line
from ethelred_runner.watch.status import SHORT_IDENTIFIER
from ethelred_runner.watch.wording import format_hour, pluralise


def say_what_goes(copy: Row) -> None:
    """Print what a retraction will delete, and how to get sound logins back."""
    identifier, taken_at = copy["copy_id"][:SHORT_IDENTIFIER], format_hour(copy["taken_at"])
    brought_in = pluralise(copy["new_logins"], "login")
    console.note(
        f"the copy {identifier} of {copy['platform']}, taken {taken_at}, brought in {brought_in}. "
        "One of these logins comes back only if a copy that also shows it is read again now: name "
        "every copy that you still have, at least the newest"
    )


def say_what_went(retraction: Retraction, label: str) -> None:
    """Print what a retraction has deleted, and what came back."""
    for doubt in retraction.refused:
        console.warn(f"{doubt_line(doubt)}; it was left out")
    gone, returned = retraction.gone, retraction.returned
    console.say(
        f"{pluralise(gone, 'login')} went with the copy, {returned:,} of them came back, and "
        f"{gone - returned:,} didn't"
    )
    if retraction.is_dry_run:
        console.say(f"this was a dry run: {label} is as it was")
    else:
        console.say("the site still shows the old figures: ethelred report builds it again")
