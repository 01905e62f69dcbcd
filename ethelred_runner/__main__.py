"""So that `python -m ethelred_runner` is the same program as `ethelred`."""

from ethelred_runner.cli import main

main()
