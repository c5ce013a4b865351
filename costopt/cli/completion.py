"""``costopt completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from costopt.cli.options import settings

__all__ = ["completion"]


@click.command(
    "completion",
    epilog="\b\nExample:\n"
    "  costopt completion bash >> ~/.bashrc\n"
    "  costopt completion zsh >> ~/.zshrc\n"
    "  mkdir -p ~/.config/fish/completions\n"
    "  costopt completion fish > ~/.config/fish/completions/costopt.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@settings
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete commands.

    Commands, options and files are then completed with the tab key, in shells that are opened after
    that.
    """
    program = context.find_root().command
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click knows all three
    click.echo(found(program, {}, "costopt", "_COSTOPT_COMPLETE").source())
