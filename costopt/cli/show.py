"""``costopt show`` and ``costopt report``: what a saved policy does, to read and to look at."""

from __future__ import annotations

from pathlib import Path

import click

from costopt.cli.console import NotWritten, print_json, print_text, say
from costopt.cli.options import PATH, as_json, force, option, refuse_nan, settings
from costopt.cli.places import check_file, policy_in
from costopt.errors import StoreError

__all__ = ["report", "show"]


@click.command("show", epilog="\b\nExample:\n  costopt show card-fraud")
@click.argument("folder", type=PATH)
@as_json
@settings
def show(folder: Path, *, as_json: bool) -> None:
    """Say when the policy in FOLDER acts, what that costs, and why."""
    policy = policy_in(folder)
    if not as_json:
        print_text(policy.explain())
        return
    print_json(
        {
            "threshold": policy.threshold,
            "raw_threshold": policy.raw_threshold,
            "unit": policy.unit,
            "costs": policy.costs.to_dict() if policy.costs else None,
            "labels": {"negative": policy.labels[0], "positive": policy.labels[1]},
            "model": {
                "learner": policy.model_name,
                "params": policy.params,
                "n_models": len(policy.models),
            },
            "evidence": policy.evidence.to_dict(),
            "provenance": policy.provenance,
        }
    )


def _about(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Headings and texts, each of which stands on either side of the first equals sign."""
    found = {}
    for each in given:
        name, equals, text = (part.strip() for part in each.partition("="))
        if not (name and equals and text):
            raise click.BadParameter(f"{each!r} is not of the form NAME=TEXT")
        found[name] = text
    return found


@click.command("report", epilog="\b\nExample:\n  costopt report card-fraud --out card-fraud.html")
@click.argument("folder", type=PATH)
@option("--out", type=PATH, default=Path("report.html"), show_default=True, metavar="FILE",
        help="The page to write.")  # fmt: skip
@option("--cases-a-day", type=click.FloatRange(0, 1e12, min_open=True), callback=refuse_nan, default=1000,
        show_default=True, metavar="NUMBER",
        help="What money and alerts are given for at first.")  # fmt: skip
@option("--title", default="Decision report", show_default=True, metavar="TEXT",
        help="Of the page.")  # fmt: skip
@option("--about", multiple=True, metavar="NAME=TEXT", callback=_about,
        help='What readers need to know, as "Acting means=a call"; repeatable.')  # fmt: skip
@force
@as_json
@settings
def report(
    folder: Path,
    out: Path,
    *,
    cases_a_day: float,
    title: str,
    about: dict[str, str],
    force: bool,
    as_json: bool,
) -> None:
    """Write a page about the policy in FOLDER.

    It is for whoever decides on its use: one HTML file that opens in any browser, without a
    network, and can be sent by e-mail.
    """
    from costopt.report.page import write_report

    check_file(out, force=force)
    policy = policy_in(folder)
    try:
        write_report(policy, out, cases_a_day=cases_a_day, title=title, about=about)
    except StoreError as error:
        raise NotWritten(str(error)) from error
    if as_json:
        print_json({"out": str(out), "bytes": out.stat().st_size})
    else:
        say(f"report written to {out}: open it in a browser")
