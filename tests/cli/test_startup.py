"""What starting up does not load: seconds that somebody who asks for help does not wait."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"sklearn", "torch", "xarray"}

ASKED_FOR_HELP = """
import sys
from sinr_geo_cli.main import run
sys.argv = ["sinr-geo", "--help"]
try:
    run()
except SystemExit as end:
    assert not end.code, end.code
"""


def loaded_by(program):
    """Return the top-level modules that a fresh interpreter has loaded after a program."""
    told = "\nimport json, sys\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", program + told], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(ran.stderr)}


@pytest.mark.parametrize(
    ("program", "own"), [("import sinr_geo", "sinr_geo"), (ASKED_FOR_HELP, "sinr_geo_cli")]
)
def test_nothing_heavy_is_loaded_before_it_is_needed(program, own):
    loaded = loaded_by(program)
    assert own in loaded
    assert loaded & HEAVY == set()


def test_the_library_is_not_loaded_for_help():
    assert "sinr_geo" not in loaded_by(ASKED_FOR_HELP)
