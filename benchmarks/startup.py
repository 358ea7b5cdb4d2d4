"""CPU time of `sinr-geo --help` against that of an empty Typer program with numpy imported.

    python -m benchmarks.startup [--runs RUNS] [--json]

Both run in turn, in processes of their own; the least and the median CPU time (user and system) of
each are printed, with the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

EMPTY = """
import numpy
import typer

app = typer.Typer()

@app.command()
def nothing() -> None:
    \"\"\"Do nothing.\"\"\"

app()
"""


def cpu_seconds(command: Sequence[str]) -> float:
    """Run a command and return the CPU time that it took."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def measured(runs: int) -> dict[str, float]:
    """Run both programs in turn."""
    commands = {
        "help": [str(Path(sys.executable).with_name("sinr-geo")), "--help"],
        "empty": [sys.executable, "-c", EMPTY, "--help"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            took[name].append(cpu_seconds(command))
    middle = {name: statistics.median(times) for name, times in took.items()}
    found = {f"{name}_median": round(middle[name], 3) for name in took}
    found |= {f"{name}_least": round(min(times), 3) for name, times in took.items()}
    return {**found, "ratio": round(middle["help"] / middle["empty"], 2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = measured(asked.runs)
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        print("  ".join(f"{name} {value:g}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
