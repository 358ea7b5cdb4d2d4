"""The `sinr-geo` command: the commands together, and the guard around them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer

from sinr_geo_cli.demo import demo
from sinr_geo_cli.denoise import denoise
from sinr_geo_cli.evaluate import evaluate
from sinr_geo_cli.failures import Failure, Status, failure_of, traceback_of
from sinr_geo_cli.fill import fill
from sinr_geo_cli.formats import formats
from sinr_geo_cli.info import info
from sinr_geo_cli.output import print_json
from sinr_geo_cli.segment import segment

__all__ = ["app", "main", "run"]

_TERMINATIONS = {"SIGTERM", "SIGHUP"}
_SIGNALLED = 128

app = typer.Typer(
    name="sinr-geo",
    help="Fill gaps in and remove noise from rasters, gridded climate data, meshes and point "
    "clouds.",
    epilog="Exit status: 0 done; 2 something that you can mend; 1 our own fault "
    "(SINR_GEO_TRACEBACK=1 shows where); 130 interrupted.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (fill, denoise, segment, evaluate, info, formats, demo):
    app.command()(command)


def _print_version(asked: bool) -> None:
    if asked:
        from sinr_geo.version import __version__

        typer.echo(f"sinr-geo {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Show the help where no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run() -> None:
    """Run the command line as a process of its own: the entry point."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    for name in _TERMINATIONS & set(signal.Signals.__members__):
        number = signal.Signals[name]
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    try:
        status = main(sys.argv[1:])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    _end(status)


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.
    """
    arguments = list(arguments)
    try:
        # Typer swallows Ctrl-C and help into a status that it returns.
        status = typer.main.get_command(app).main(
            args=arguments, prog_name="sinr-geo", standalone_mode=False, obj=arguments
        )
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        return Status.OUR_FAULT
    except Exception as error:  # the guard: nothing may reach the user as a traceback
        return _report(failure_of(error), "--json" in arguments, traceback_of(error))
    if status == Status.INTERRUPTED:
        return _report(failure_of(KeyboardInterrupt()), "--json" in arguments)
    return int(status or Status.DONE)


def _report(failure: Failure, as_json: bool, details: str = "") -> int:
    sys.stderr.write(f"{details}sinr-geo: {failure.message}\n")
    if as_json:
        print_json({"error": failure.message, "status": int(failure.status)})
    return failure.status


def _end(status: int) -> NoReturn:
    """End the process; one that was stopped does not wait for the threads that still compute."""
    if status <= _SIGNALLED:
        sys.exit(status)
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Unwind as Ctrl-C does, so that nothing half-written stays."""
    raise SystemExit(_SIGNALLED + number)


def _forget_output() -> None:
    """Keep the interpreter from complaining about a closed pipe when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
