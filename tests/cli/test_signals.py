"""Ctrl-C and SIGTERM while an output is being written: no half-written file stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Runs the real entry point with an adapter that stops half-way through its output.
PROGRAM = """
import sys, time
import sinr_geo_adapters.gridded as gridded
from sinr_geo_cli.main import run

def write_labels(self, document, labels, target, stamp):
    target.write_bytes(b"half of it")
    print("writing", flush=True)
    time.sleep(60)

gridded.GriddedAdapter.write_labels = write_labels
sys.argv = ["sinr-geo", "segment", *sys.argv[1:]]
run()
"""


def started(program, source):
    """Start a process that obeys signals, also where this one runs in the background."""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(source), "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=obeying,
    )


def obeying():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupted_run_leaves_nothing_behind(weather, number, status):
    process = started(PROGRAM, weather)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in err
    assert list(weather.parent.iterdir()) == [weather]


# A method that computes in a thread of its own, as all members of `auto` do.
COMPUTING = """
import sys, time
import sinr_geo.methods.kriging as kriging
from sinr_geo_cli.main import run

def choose(self, points, problem):
    print("choosing", flush=True)
    time.sleep(120)

kriging.KrigingMethod.choose = choose
sys.argv = ["sinr-geo", "fill", *sys.argv[1:]]
run()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nobody_waits_for_a_method_after_an_interrupt(weather, number, status):
    process = started(COMPUTING, weather)
    assert process.stdout.readline() == "choosing\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in err
    assert list(weather.parent.iterdir()) == [weather]


NOISY = """
import logging, sys, warnings
import sinr_geo_cli.info as info
from sinr_geo_cli.main import run

def print_lines(lines):
    warnings.warn("a library is worried")
    logging.getLogger("rasterio").error("so is another")
    sys.stdout.write("x" * 1_000_000)

info.print_lines = print_lines
sys.argv = ["sinr-geo", "info", *sys.argv[1:]]
run()
"""


def test_worries_of_libraries_and_a_closed_pipe_are_not_shown(weather):
    process = subprocess.Popen(
        [sys.executable, "-c", NOISY, str(weather)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
    )
    process.stdout.read(1)
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode == 1
