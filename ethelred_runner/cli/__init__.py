"""The command line: options become calls."""

from ethelred_runner.cli.main import main

__all__ = ["main"]
