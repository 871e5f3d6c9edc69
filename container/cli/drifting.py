"""store drift."""

import sys
from pathlib import Path

import click

from container.cli.storing import opened, store_option


@click.command()
@click.option("--run", required=True, help="A run's id.")
@click.option("--baseline", required=True, help="The id of the run that it is compared with.")
@store_option
@click.option(
    "--fail-from",
    type=click.FloatRange(0, min_open=True),
    default=0.25,
    show_default=True,
    help="Exit code 1 where an index is as large as this; the other usual band begins at 0.1.",
)
def drift(run: str, baseline: str, store: Path | None, fail_from: float) -> None:
    """Tell whether the scores and the classes of what a run has found are those of another run.

    Prints the population stability index of each: below 0.1 it is stable, from 0.25 on a large shift. Beside it stands
    what two samples of one population exceed once in 1,000 times: an index below that is none, whatever it is. Of runs
    with boxes only these are counted.
    """
    from container.errors import ServingError
    from container.evaluation.drift import compared
    from container.service.drifting import histogram

    there = opened(store)
    try:
        with there.read() as connection:
            found, known = histogram(connection, run), histogram(connection, baseline)
    except ServingError as error:
        raise click.ClickException(error.message) from None
    finally:
        there.close()
    for name, one in ((run, found), (baseline, known)):
        if not one.classes:
            raise click.ClickException(f"{name} has no predictions")
    drifted = compared(found, known)
    click.echo(f"{found.classes.total():,} objects against {known.classes.total():,}")
    click.echo(f"{'':8}{'index':>8}{'chance':>8}")
    for name, shift in (("by score", drifted.scores), ("by class", drifted.classes)):
        click.echo(f"{name:8}{shift.index:8.3f}{shift.chance:8.3f}  {shift.level}")
    sys.exit(drifted.index >= fail_from)
