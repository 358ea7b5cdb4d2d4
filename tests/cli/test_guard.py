"""Exit statuses, and one sentence for every error."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import pytest

import sinr_geo
from sinr_geo.errors import InputError
from sinr_geo_cli.failures import Status, failure_of


def fail_with(monkeypatch, error):
    def fill(*args, **kwargs):
        raise error

    monkeypatch.setattr(sinr_geo, "fill", fill)


def is_one_sentence(err):
    return err.startswith("sinr-geo: ") and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fil"],
        ["fill"],
        ["fill", "a.nc", "b.nc"],
        ["fill", "a.nc", "--no-such-option"],
        ["fill", "a.nc", "--seed", "one"],
        ["fill", "a.nc", "--bounds", "rain"],
        ["fill", "a.nc", "--missing", "alpha=none"],
        ["info", "there-is-no-such-file.nc"],
        ["fill", "a.nc", "--effort"],
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_status_2(run, arguments):
    ran = run(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert is_one_sentence(ran.err)


def test_an_error_of_several_lines_is_printed_on_one(run, monkeypatch):
    fail_with(monkeypatch, InputError("a.nc: it is\n   damaged"))
    ran = run("fill", "a.nc")
    assert (ran.status, ran.err) == (2, "sinr-geo: a.nc: it is damaged\n")


def test_our_own_fault_asks_for_a_report_and_shows_no_traceback(run, monkeypatch):
    monkeypatch.delenv("SINR_GEO_TRACEBACK", raising=False)
    fail_with(monkeypatch, ZeroDivisionError("a bug"))
    ran = run("fill", "a.nc")
    assert ran.status == 1
    assert is_one_sentence(ran.err)
    assert "report" in ran.err
    assert "ZeroDivisionError: a bug" in ran.err


def test_a_traceback_is_shown_to_who_asks_for_it(run, monkeypatch):
    monkeypatch.setenv("SINR_GEO_TRACEBACK", "1")
    fail_with(monkeypatch, ZeroDivisionError("a bug"))
    assert "Traceback (most recent call last)" in run("fill", "a.nc").err


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError("a.nc: damaged"), 2), (ZeroDivisionError("a bug"), 1), (KeyboardInterrupt(), 130)],
)
def test_with_json_an_error_is_an_object_too(run, monkeypatch, error, status):
    fail_with(monkeypatch, error)
    ran = run("fill", "a.nc", "--json")
    assert ran.status == status
    content = json.loads(ran.out)
    assert content["status"] == status
    assert content["error"] in ran.err


def test_a_usage_error_with_json_is_an_object_too(run):
    ran = run("fill", "--json")
    assert json.loads(ran.out)["status"] == ran.status == 2


def test_ctrl_c_is_status_130(run, monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt())
    ran = run("fill", "a.nc")
    assert ran.status == 130
    assert is_one_sentence(ran.err)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out.nc"), Status.USER_ERROR),
        (PermissionError(errno.EACCES, "Permission denied", "out.nc"), Status.USER_ERROR),
        (OSError(errno.EBADF, "Bad file descriptor"), Status.OUR_FAULT),
        (MemoryError(), Status.USER_ERROR),
    ],
)
def test_a_full_disk_is_not_our_fault(error, status):
    assert failure_of(error).status is status


def test_the_version(run):
    assert run("--version").out == f"sinr-geo {sinr_geo.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["fill", "--help"], ["demo", "-h"], ["formats", "--help"]]
)
def test_help_is_status_0(run, arguments):
    ran = run(*arguments)
    assert ran.status == 0
    assert "Usage" in ran.out


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from sinr_geo_cli.main import main; main(['fill', '--help']); "
        "sys.exit(bool({'numpy', 'scipy', 'torch', 'sklearn', 'xarray'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
