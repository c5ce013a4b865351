"""The command line: every command reads, calls one function, and writes."""

from costopt.cli.program import main

__all__ = ["main"]
