"""Time to quality is read honestly and printed as one array of objects."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from benchmarks import quality

KEYS = {"data", "method", "parameters", "steps", "seconds", "psnr"}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A small kodim24 in a folder of its own, and little time."""
    y, x = np.mgrid[:24, :32] / 6.0
    waves = np.stack((np.sin(x) * np.cos(y), np.cos(x + y), np.sin(y)), axis=-1)
    np.savez(tmp_path / "kodim24.npz", truth=np.uint8(127.5 * (1.0 + waves)))
    monkeypatch.setattr(quality, "FOLDER", tmp_path)
    monkeypatch.setattr(quality, "SECONDS", {"kodim24": 0.5})
    monkeypatch.setattr(quality, "STEPS", {"kodim24": (5, 80)})
    return tmp_path


def test_one_array_with_a_row_per_reading_of_both(tiny, capsys):
    assert quality.main(["--data", "kodim24", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(set(row) == KEYS for row in rows)
    assert {row["data"] for row in rows} == {"kodim24"}
    few, many = (row for row in rows if row["method"] == "sinr")
    assert many["psnr"] > few["psnr"] + 3.0
    published = [row for row in rows if row["method"] == "sinr-paper"]
    assert len(published) >= 3
    for key in ("steps", "seconds"):
        readings = [row[key] for row in published]
        assert readings == sorted(readings)
    assert all(row["parameters"] > 1_000 and row["seconds"] > 0 for row in rows)


def test_psnr_is_that_of_the_formula():
    values = np.random.default_rng(0).random((5, 4, 3))
    case = quality.case_of("kodim24", values)
    off = case.truth + 0.1
    assert quality.psnr(case, off) == pytest.approx(20.0, abs=0.01)
    assert quality.psnr(case, case.truth + 0.5) == pytest.approx(-20 * math.log10(0.5), abs=0.01)


def test_the_published_setting_has_the_published_number_of_parameters(tiny):
    rows = quality.published(
        quality.case_of("kodim24", np.random.default_rng(1).random((24, 32, 3))), 0.2, "cpu"
    )
    width, layers, atoms, unit = 35, 4, 120, 4
    sines = 2 * width + width + (layers - 1) * (width * width + width)
    gates = 2 * unit * (layers * width + atoms)
    assert rows[-1].parameters == sines + width * atoms + atoms + gates + atoms * 3


def test_unknown_images_are_one_sentence_and_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        quality.main(["--data", "lena"])
    assert stopped.value.code == 2
    assert "there is no image" in capsys.readouterr().err


def test_without_the_images_it_says_where_it_looked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quality, "FOLDER", tmp_path / "nowhere")
    assert quality.main([]) == 2
    assert "SINR_GEO_LADDER" in capsys.readouterr().err
