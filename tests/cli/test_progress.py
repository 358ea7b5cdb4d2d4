"""Progress on standard error."""

from __future__ import annotations

import io
import sys

from sinr_geo_cli.progress import PlainProgress, reporting


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_come_one_per_stage_and_not_too_often():
    now = 0.0
    stream = io.StringIO()
    report = PlainProgress(stream, clock=lambda: now)
    for second, stage, share in [
        (0.0, "reading", 0.0),
        (0.1, "blinking past", 0.0),
        (5.0, "fitting", 0.0),
        (6.0, "fitting", 0.2),
        (40.0, "fitting", 0.5),
        (41.0, "fitting", 0.6),
        (45.0, "writing", 0.0),
    ]:
        now = second
        report(stage, share)
    assert stream.getvalue().splitlines() == [
        "sinr-geo: reading",
        "sinr-geo: fitting",
        "sinr-geo: fitting (50%)",
        "sinr-geo: writing",
    ]


def test_quiet_reports_to_nobody(capsys):
    with reporting(quiet=True) as report:
        report("fitting", 0.5)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_lines_go_to_standard_error(capsys):
    with reporting(quiet=False) as report:
        report("fitting", 0.5)
    assert capsys.readouterr() == ("", "sinr-geo: fitting\n")


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with reporting(quiet=False) as report:
        report("fitting [1] of 3", 0.5)
        report("writing", 1.0)
    shown = terminal.getvalue()
    assert "fitting [1] of 3" in shown or "writing" in shown
    assert "100%" in shown
