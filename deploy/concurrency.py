"""The same work for many things side by side: a bar, failures that end nothing, and Ctrl-C that leaves nothing half."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple, TypeVar

import click

from deploy.runtime import Refused

T = TypeVar("T")


class Failure(NamedTuple):
    where: str
    why: str


def run_all(
    things: Sequence[T], work: Callable[[T], object], where: Callable[[T], str], threads: int, label: str
) -> list[Failure]:
    """Do `work` for each; what it raised as Refused comes back, in the order of `things`.

    A hopeless Refused ends it and is raised; so does Ctrl-C. Either way what is under way is finished, and nothing else
    is begun.
    """
    failed: dict[int, Failure] = {}
    with (
        ThreadPoolExecutor(threads) as pool,
        click.progressbar(length=len(things), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
    ):
        futures = {pool.submit(work, thing): i for i, thing in enumerate(things)}
        try:
            for future in as_completed(futures):
                bar.update(1)
                i = futures[future]
                try:
                    future.result()
                except Refused as error:
                    if error.hopeless:
                        raise
                    failed[i] = Failure(where(things[i]), str(error))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                click.echo("\nfinishing what is under way, beginning nothing else", err=True)
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [failed[i] for i in sorted(failed)]


def report(failures: Sequence[Failure], done: str) -> None:
    """Say what failed and what was done, on standard error; exit code 1 where anything failed."""
    for failure in failures:
        click.echo(f"{failure.where}: {failure.why}", err=True)
    click.echo(done + (f", {len(failures)} failed" if failures else ""), err=True)
    if failures:
        sys.exit(1)
