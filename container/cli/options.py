"""Options of commands: those that stand for settings, and those of a request."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from container.fields import Declared, Flag, Number, Word
from container.settings import Settings, variables

if TYPE_CHECKING:
    from container.structures import Prompt


ROOT = Path(__file__).parents[2]


def model_options(command: Any) -> Any:
    """The options that choose a model and where it runs; each stands for the setting of the same name."""
    for option in (
        click.option("--model", help="`default`, `ocr`, an architecture's name, a folder or a model.tar.gz."),
        click.option("--weights", help="For an architecture: a weights file, or a name such as COCO_V1."),
        click.option("--labels", help="For a weights file: class names, separated by commas."),
        click.option("--device", help="auto, cpu, cuda or cuda:N."),
        click.option("--precision", help="fp32, bf16 or fp16."),
        click.option("--backend", help="On a CPU: auto, openvino or torch."),
    ):
        command = option(command)
    return command


def read_settings(**given: object) -> Settings:
    """The settings of the environment, with what the command line says put over them."""
    chosen = {variables(name)[0]: (f"--{name}", str(value)) for name, value in given.items() if value is not None}
    try:
        return Settings.from_environ({**os.environ, **{name: value for name, (_, value) in chosen.items()}})
    except ValueError as error:
        variable, _, rest = str(error).partition(" ")
        raise click.UsageError(f"{chosen.get(variable, (variable,))[0]} {rest}") from None


def json_object(option: str, text: str) -> dict[str, Any]:
    """The JSON object that an option is given; UsageError for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise click.UsageError(f"{option} takes a JSON object, not {text[:60]!r}")
    return value


def read_prompt(points: str | None, box: str | None) -> "Prompt | None":
    """The prompt that both options describe, None without them; UsageError for what is none."""
    if points is None and box is None:
        return None
    from container.structures import prompts

    document: dict[str, Any] = {"points": []}
    for text in (points or "").split():
        x, y, positive = _numbers("--points", f"{text},1" if text.count(",") == 1 else text, 3)
        document["points"].append({"x": x, "y": y, "positive": positive != 0})
    if box is not None:
        x1, y1, x2, y2 = _numbers("--box", box, 4)
        document["box"] = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1}
    try:
        (prompt,) = prompts.read(document)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return prompt


def _numbers(option: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        takes = 'X,Y or X,Y,0, separated by spaces: "380,350 80,300,0"' if option == "--points" else '"X1,Y1,X2,Y2"'
        raise click.UsageError(f"{option} is {text[:60]!r}; it takes {takes}")
    return numbers


def make_folder(folder: Path) -> None:
    """Make a folder for results; ClickException where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.ClickException(f"{folder} cannot be written: Permission denied")


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Give a file for writing, which is there under its name once it is whole; - is standard output."""
    if path == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists():
        raise click.ClickException(f"{path} is there; nothing is overwritten")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def revision() -> str:
    """Return the commit: of the image, as it was built, or of the checkout, where git is installed."""
    if built := os.environ.get("MASKSERVE_REVISION"):
        return built
    with suppress(OSError):
        if (ROOT / ".git").exists():
            command = ("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
            return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
    return "unknown"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated at SIGTERM inside the block, so that what is half written is removed."""

    def end(*_: object) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Lines(logging.Handler):
    """Information and warnings as lines on standard error; errors are said by the command itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        if record.levelno <= logging.WARNING:
            begin = "Warning: " if record.levelno == logging.WARNING else ""
            click.echo(begin + record.getMessage(), err=True)


_lines = _Lines()  # one, however many commands run in a process


def show_log(level: int) -> None:
    """Print what is logged at `level` or above, up to warnings."""
    _lines.setLevel(level)
    logger = logging.getLogger("container")
    logger.setLevel(level)
    logger.addHandler(_lines)


class RequestCommand(click.Command):
    """A command with --format and an option for every option of a request.

    What they are is imported when the command runs or shows its help, because the other commands do without.
    """

    @cached_property
    def _declared(self) -> list[click.Parameter]:
        from container.formats import ranked
        from container.structures.options import Appearance, Options, declared

        kinds = click.Choice([form.name for form in ranked()])
        default = f"[default: what --attributes ask for, else {kinds.choices[0]}]"
        asked = {**declared(Options), **declared(Appearance)}
        return [
            click.Option(["--format", "form"], type=kinds, help=default),
            *(_option(name, one) for name, one in asked.items()),
        ]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, and those of a request before --help."""
        *own, last = super().get_params(ctx)
        return [*own, *self._declared, last]


class _Value(click.ParamType[Any]):
    """A value that a declared option takes."""

    name = "value"

    def __init__(self, declared: Declared) -> None:
        self._takes = declared.takes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of the text on the command line."""
        try:
            parsed: Any = self._takes.parse(value)
        except ValueError:
            parsed = None
        if parsed is None or not self._takes.fits(parsed):
            self.fail(f"{value!r}; it takes {self._takes.words}", param, ctx)
        return parsed


def _option(name: str, one: Declared) -> click.Option:
    listed = one.takes.cell.replace("`", "")
    if isinstance(one.takes, Word | Flag):
        metavar, doc = f"[{listed.replace(', ', '|')}]", one.doc
    else:
        metavar, doc = ("NUMBER", f"{one.doc}: {listed}") if isinstance(one.takes, Number) else ("NAMES", one.doc)
    text = f"{doc}.  [default: {one.default}]".replace("`", "")
    return click.Option([f"--{name.replace('_', '-')}"], type=_Value(one), metavar=metavar, help=text)
