"""Run `python -m ethelred_runner` like `ethelred`."""

from ethelred_runner.cli import main

main()
