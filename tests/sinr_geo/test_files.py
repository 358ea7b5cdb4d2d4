"""Outputs are whole or absent; masks, notes and refusals are those of the user's file."""

from __future__ import annotations

import stat

import netCDF4
import numpy as np
import pytest
import xarray as xr

import sinr_geo
from sinr_geo.errors import (
    InputError,
    NoAdapterError,
    NothingToDoError,
    OutputExistsError,
    RequestError,
)
from sinr_geo.staging import check_output, write_whole

FAST = {"method": "sinr-bayes", "effort": "fast"}


@pytest.fixture
def gappy(tmp_path):
    """A small NetCDF with a hole, and the field without it."""
    y, x = np.meshgrid(np.arange(16.0), np.arange(20.0), indexing="ij")
    truth = 280.0 + np.sin(y / 4) * 5 + np.cos(x / 5) * 3
    shown = truth.copy()
    shown[4:8, 6:10] = np.nan
    mask = np.zeros(truth.shape, dtype=np.int8)
    mask[4:6] = 1
    data = xr.Dataset(
        {"t": (("lat", "lon"), shown.astype("f4"), {"units": "K"}), "m": (("lat", "lon"), mask)},
        {
            "lat": ("lat", 40.0 + y[:, 0], {"units": "degrees_north"}),
            "lon": ("lon", 5.0 + x[0], {"units": "degrees_east"}),
        },
    )
    path = tmp_path / "gappy.nc"
    data.to_netcdf(path, encoding={"t": {"_FillValue": -9.0}})
    return path, truth


def test_fill_writes_beside_the_input_and_says_what_it_did(gappy):
    path, truth = gappy
    before = path.read_bytes()
    outcome = sinr_geo.fill(path, **FAST)
    assert outcome.outputs == (path.with_name("gappy.filled.nc"),)
    assert path.read_bytes() == before
    with xr.open_dataset(outcome.outputs[0]) as filled:
        assert not filled["t"].isnull().any()
        assert np.abs(filled["t"] - truth).max() < 1.0
        assert filled["t_flag"].values[5, 7] == 1
    (layer,) = outcome.layers
    assert layer.channels == ("t",)
    assert layer.samples["filled"] + layer.samples["extrapolated"] == 16


def test_a_mask_of_the_file_says_what_is_wanted(gappy):
    path, _ = gappy
    outcome = sinr_geo.fill(path, where="m", **FAST)
    with xr.open_dataset(outcome.outputs[0]) as filled:
        assert filled["t"].isnull().sum() == 8
        assert not filled["t"][4:6].isnull().any()


def test_a_mask_of_another_file_must_fit(gappy, tmp_path):
    path, _ = gappy
    wanted = np.zeros((16, 20), dtype="f4")
    wanted[6:8] = 1
    other = tmp_path / "mask.nc"
    xr.Dataset({"w": (("y", "x"), wanted, {"units": "1"})}).to_netcdf(other)
    outcome = sinr_geo.fill(path, where=str(other), **FAST)
    with xr.open_dataset(outcome.outputs[0]) as filled:
        assert filled["t"].isnull().sum() == 8
    xr.Dataset({"w": (("y", "x"), wanted[:5], {"units": "1"})}).to_netcdf(tmp_path / "small.nc")
    with pytest.raises(RequestError, match="shape"):
        sinr_geo.fill(path, where=str(tmp_path / "small.nc"), overwrite=True, **FAST)


def test_a_file_without_gaps_is_the_same_but_for_its_history(gappy):
    path, _ = gappy
    with netCDF4.Dataset(path, "r+") as data:
        data["t"][:] = 280.0 + np.arange(320).reshape(16, 20)
    outcome = sinr_geo.fill(path, **FAST)
    assert any("no gap" in note for note in outcome.notes)
    with xr.open_dataset(path) as before, xr.open_dataset(outcome.outputs[0]) as after:
        history = after.attrs.pop("history")
        assert history.count("sinr-geo") == 1
        assert before.identical(after)


def test_an_output_that_exists_is_kept(gappy):
    path, _ = gappy
    output = path.with_name("gappy.filled.nc")
    output.write_text("mine")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        sinr_geo.fill(path, **FAST)
    assert output.read_text() == "mine"
    sinr_geo.fill(path, overwrite=True, **FAST)
    assert output.stat().st_size > 100


def test_refusals_leave_nothing_behind(gappy, tmp_path):
    path, _ = gappy
    there = set(tmp_path.iterdir())
    with pytest.raises(RequestError, match="would replace the input"):
        sinr_geo.fill(path, path, overwrite=True)
    with pytest.raises(RequestError, match="no such folder"):
        sinr_geo.fill(path, tmp_path / "no" / "a.nc")
    with pytest.raises(RequestError, match="cannot be a"):
        sinr_geo.fill(path, tmp_path / "a.tif")
    with pytest.raises(RequestError, match="effort must be one of"):
        sinr_geo.fill(path, effort="heroic")
    with pytest.raises(InputError, match="no such file"):
        sinr_geo.fill(tmp_path / "nothing.nc")
    assert set(tmp_path.iterdir()) == there


def test_a_failing_writer_leaves_nothing_behind(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("input")

    def write(target):
        target.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(source, tmp_path / "b.txt", write, overwrite=False)
    assert list(tmp_path.iterdir()) == [source]


def test_all_files_of_an_output_appear_together(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("input")
    (tmp_path / "b.side").write_text("mine")

    def write(target):
        target.write_text("main")
        side = target.with_suffix(".side")
        side.write_text("side")
        return (target, side)

    with pytest.raises(OutputExistsError, match=r"b\.side"):
        write_whole(source, tmp_path / "b.txt", write, overwrite=False)
    assert not (tmp_path / "b.txt").exists()
    places = write_whole(source, tmp_path / "b.txt", write, overwrite=True)
    assert [place.read_text() for place in places] == ["main", "side"]


def test_an_output_that_is_a_folder_is_refused_before_any_work(gappy, tmp_path, monkeypatch):
    path, _ = gappy
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path):
        with pytest.raises(RequestError, match="this is a folder; name a file in it"):
            sinr_geo.fill(
                path, folder, **FAST, overwrite=True, progress=lambda *_: pytest.fail("worked")
            )


def test_no_folder_but_a_store_is_replaced(tmp_path):
    source, results, store = tmp_path / "scene", tmp_path / "results", tmp_path / "filled.zarr"
    source.write_bytes(b"pixels")
    for folder in (results, store):
        folder.mkdir()
        (folder / "work.txt").write_text("mine")
    for folder in (results, store):
        with pytest.raises(RequestError, match="this is a folder"):
            check_output(source, folder, overwrite=True)
    (store / "zarr.json").write_text("{}")
    check_output(source, store, overwrite=True)


def test_a_series_in_which_nothing_was_observed_is_refused(tmp_path):
    path = tmp_path / "nothing.nc"
    nothing = xr.Dataset(
        {"t": (("time", "lat", "lon"), np.full((4, 6, 7), np.nan))},
        {
            "time": ("time", np.arange(4.0), {"units": "days since 2000-01-01"}),
            "lat": ("lat", np.arange(6.0), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(7.0), {"units": "degrees_east"}),
        },
    )
    nothing.to_netcdf(path)
    with pytest.raises(NothingToDoError, match="too little was observed"):
        sinr_geo.fill(path, tmp_path / "a.nc", **FAST)
    assert not (tmp_path / "a.nc").exists()


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(
    gappy, tmp_path, monkeypatch
):
    path, _ = gappy
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sinr_geo.staging.tempfile.mkdtemp", refuse)
    with pytest.raises(RequestError, match="cannot write in this folder"):
        sinr_geo.fill(path, folder / "a.nc", **FAST, progress=lambda *_: pytest.fail("worked"))


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.nc", b"", InputError),
        ("words.tif", b"these are words, not a raster\n" * 9, InputError),
        ("unknown.xyz", b"1 2 3\n", NoAdapterError),
    ],
)
def test_what_is_no_data_file_is_refused_in_one_sentence(tmp_path, name, content, error):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=name) as caught:
        sinr_geo.fill(path)
    assert "\n" not in str(caught.value)


def test_an_all_missing_variable_beside_a_good_one_passes_through(gappy):
    path, _ = gappy
    with netCDF4.Dataset(path, "r+") as data:
        empty = data.createVariable("e", "f4", ("lat", "lon"), fill_value=-9.0)
        empty.units = "K"
    outcome = sinr_geo.fill(path, **FAST)
    with xr.open_dataset(outcome.outputs[0]) as filled:
        assert filled["e"].isnull().all()
        assert not filled["t"].isnull().any()
    assert any("too little was observed of e" in note for note in outcome.notes)
    with pytest.raises(NothingToDoError, match="too little was observed"):
        sinr_geo.fill(path, variables=["e"], overwrite=True, **FAST)
    with pytest.raises(NothingToDoError, match="leave it out of --variables"):
        sinr_geo.fill(path, variables=["t", "e"], overwrite=True, **FAST)


def test_a_variable_comes_before_a_folder_of_its_name(gappy, monkeypatch):
    path, _ = gappy
    monkeypatch.chdir(path.parent)
    (path.parent / "m").mkdir()
    outcome = sinr_geo.fill(path, where="m", **FAST)
    assert outcome.layers[0].samples["unfilled"] == 8


def test_a_mask_lying_on_its_side_is_refused(gappy, tmp_path):
    path, _ = gappy
    wanted = np.ones((20, 16), dtype="f4")
    wanted[3] = 0
    other = tmp_path / "turned.nc"
    xr.Dataset({"w": (("y", "x"), wanted, {"units": "1"})}).to_netcdf(other)
    with pytest.raises(RequestError, match="shape"):
        sinr_geo.fill(path, where=str(other), **FAST)


def test_bounds_for_what_is_not_there_are_refused(gappy):
    path, _ = gappy
    with pytest.raises(RequestError, match="--bounds typo"):
        sinr_geo.fill(path, bounds={"typo": (0.0, 1.0)}, **FAST)


def test_gaps_that_are_left_are_counted(gappy):
    path, _ = gappy
    outcome = sinr_geo.fill(path, max_gap=0.5, **FAST)
    assert outcome.layers[0].samples["unfilled"] == 16


def test_infinities_are_gaps(gappy):
    path, _ = gappy
    with netCDF4.Dataset(path, "r+") as data:
        data["t"][0, 0] = np.inf
    outcome = sinr_geo.fill(path, **FAST)
    with xr.open_dataset(outcome.outputs[0]) as filled:
        assert np.isfinite(filled["t"]).all()
