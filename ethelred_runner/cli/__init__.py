"""The command line, which turns options into calls."""

from ethelred_runner.cli.main import main

__all__ = ["main"]
