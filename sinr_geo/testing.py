"""What every adapter must keep: a test class to subclass, for plugins and built-ins alike."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Adapter, Document, Layer, MissingRule, Query, Stamp
from sinr_geo.errors import InputError, RequestError, SinrGeoError
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.recovery import Recovery
from sinr_geo.trial_recoveries import (
    constants,
    filled,
    filled_with,
    rounding,
    unfilled,
    untouched,
)

__all__ = ["AdapterContract"]

STAMP = Stamp("sinr-geo fill sample", "0", datetime(2024, 2, 29, 12, tzinfo=UTC))
FOREIGN = {
    "empty": b"",
    "text.txt": b"a line of text\n",
    "page.html": b"<!doctype html><title>page</title>",
    "noise.bin": bytes(range(255, -1, -1)) * 4,
}


class AdapterContract:
    """Tests that hold for the adapter of every format.

    Subclass it in a test module, name the adapter and give a sample file that has both gaps and
    observed samples; pytest then runs every test below. Every check goes through the adapter
    alone, so add tests of your own that read the output with another reader of the format.

    Attributes
    ----------
    adapter : Adapter
        The adapter under test.
    sample : Path
        A small file with gaps. Where it has to be generated, override `make_sample` instead.
    query : Query
        What to read of it; by default everything, with the file's own word for what is missing.
    same_bytes_if_untouched : bool
        Whether a recovery that changes nothing gives the same bytes. Set it to False where the
        format has a history that each run is added to.

    Examples
    --------
    The whole test module of a plugin::

        from pathlib import Path

        from sinr_geo.testing import AdapterContract
        from sinr_geo_xyzv.adapter import XyzvAdapter

        class TestXyzv(AdapterContract):
            adapter = XyzvAdapter()
            sample = Path(__file__).parent / "sample.xyzv"

    A format whose gaps are said by the user, with a generated sample::

        class TestScan(AdapterContract):
            adapter = ScanAdapter()
            query = Query(missing=(MissingRule("rgb", 0.0),))

            def make_sample(self, folder):
                path = folder / "sample.scan"
                write_scan(path, black=range(0, 100, 7))
                return path
    """

    adapter: Adapter
    sample: ClassVar[Path]
    query: ClassVar[Query] = Query()
    same_bytes_if_untouched: ClassVar[bool] = True

    def make_sample(self, folder: Path) -> Path:
        """Put a fresh sample into an empty folder and return its path."""
        copy = shutil.copytree if self.sample.is_dir() else shutil.copyfile
        return Path(copy(self.sample, folder / self.sample.name))

    def truncate(self, path: Path) -> None:
        """Cut a file in two and keep the first half; override it for formats that are folders."""
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def test_it_is_an_adapter(self) -> None:
        """It has every member of the protocol, and tells people what it reads and writes."""
        assert isinstance(self.adapter, Adapter), "a member of sinr_geo.adapters.Adapter is missing"
        assert self.adapter.name
        assert isinstance(self.adapter.priority, int)
        assert self.adapter.reads, "`reads` names no format"
        assert self.adapter.writes, "`writes` names no format"

    def test_it_claims_its_own_files(self, tmp_path: Path) -> None:
        """`can_open` knows the sample, by whatever name."""
        path = self.make_sample(tmp_path)
        assert self.adapter.can_open(path)

    def test_it_leaves_foreign_files(self, tmp_path: Path) -> None:
        """`can_open` is False for other files, folders and nothing, and raises for none."""
        suffix = self.make_sample(tmp_path).suffix
        for name, content in FOREIGN.items():
            path = tmp_path / f"foreign-{name}"
            path.write_bytes(content)
            assert self.adapter.can_open(path) is False, f"it claims {name}"
            # By the name of its own format it may claim it, to say what is wrong with it.
            assert self.adapter.can_open(path.rename(f"{path}{suffix}")) in (True, False)
        (tmp_path / "folder").mkdir()
        assert self.adapter.can_open(tmp_path / "folder") is False
        assert self.adapter.can_open(tmp_path / "absent") is False

    def test_the_layers_say_what_is_read(self, tmp_path: Path) -> None:
        """A layer's metadata, known before its values, are those of the points."""
        document = self.adapter.open(self.make_sample(tmp_path), self.query)
        assert document.layers, "a document has at least one layer"
        assert len({layer.name for layer in document.layers}) == len(document.layers)
        for layer in document.layers:
            points = layer.read()
            assert points.axes == layer.axes
            assert points.channels == layer.channels
            assert len(layer.dims) == len(layer.shape)
            assert len(points) == (
                math.prod(layer.shape) if points.lattice is None else points.lattice.place.size
            )

    def test_the_sample_has_gaps(self, tmp_path: Path) -> None:
        """Otherwise the other tests would test nothing."""
        document = self.adapter.open(self.make_sample(tmp_path), self.query)
        observed = [layer.read().observed for layer in document.layers]
        assert any(not one.all() for one in observed), "the sample has no gap"
        assert any(one.any() for one in observed), "the sample has nothing but gaps"

    def test_points_keep_their_order(self, tmp_path: Path) -> None:
        """The same file gives the same points in the same order, every time."""
        path = self.make_sample(tmp_path)
        for one, two in zip(self._read(path), self._read(path), strict=True):
            _assert_same_points(one, two)

    def test_a_window_is_a_part_of_the_whole(self, tmp_path: Path) -> None:
        """Reading a box gives what the whole has there."""
        document = self.adapter.open(self.make_sample(tmp_path), self.query)
        for layer in document.layers:
            whole = layer.read()
            window = tuple(slice(size // 4, max(size - size // 4, 1)) for size in layer.shape)
            part, rows = layer.read(window), _rows_inside(whole, layer, window)
            np.testing.assert_array_equal(part.coordinates, whole.coordinates[rows])
            np.testing.assert_array_equal(part.values, whole.values[rows])
            np.testing.assert_array_equal(part.observed, whole.observed[rows])

    def test_nothing_recovered_is_nothing_changed(self, tmp_path: Path) -> None:
        """A recovery without a recovered sample gives the input back."""
        path = self.make_sample(_folder(tmp_path, "in"))
        outputs = self._write(path, _folder(tmp_path, "out"), untouched)
        for one, two in zip(self._read(path), self._read(outputs[0]), strict=True):
            _assert_same_points(one, two)
        if self.same_bytes_if_untouched:
            assert _content(outputs[0]) == _content(path), "the bytes changed"

    def test_observed_samples_stay(self, tmp_path: Path) -> None:
        """Filling changes no observed sample by a single bit, and no axis and no channel."""
        path = self.make_sample(_folder(tmp_path, "in"))
        outputs = self._write(path, _folder(tmp_path, "out"), filled)
        for before, after in zip(
            self._read(path), self._read_filled(path, outputs[0]), strict=True
        ):
            assert after.axes == before.axes
            assert after.channels == before.channels, "the stored type or its bounds changed"
            np.testing.assert_array_equal(after.coordinates, before.coordinates)
            observed = before.observed
            np.testing.assert_array_equal(after.values[observed], before.values[observed])

    def test_filled_samples_are_there(self, tmp_path: Path) -> None:
        """What was filled is observed when the output is read, with the value that it was given."""
        path = self.make_sample(_folder(tmp_path, "in"))
        outputs = self._write(path, _folder(tmp_path, "out"), filled)
        for before, after in zip(
            self._read(path), self._read_filled(path, outputs[0]), strict=True
        ):
            assert after.observed.all(), "a filled sample counts as missing in the output"
            expected = constants(before)
            for j, channel in enumerate(before.channels):
                gaps = ~before.observed[:, j]
                wrong = np.abs(after.values[gaps, j] - expected[j])
                assert (wrong <= rounding(channel, expected[j])).all(), (
                    f"channel {channel.name!r} was filled with {expected[j]} "
                    f"and is {after.values[gaps, j]}"
                )

    def test_no_bound_is_left(self, tmp_path: Path) -> None:
        """Values beyond the stored type are clipped, never wrapped and never "missing"."""
        path = self.make_sample(_folder(tmp_path, "in"))
        before = self._read(path)
        for number, excess in enumerate((-1e30, 1e30)):
            beyond = partial(filled_with, value=excess)
            outputs = self._write(path, _folder(tmp_path, f"out {number}"), beyond)
            for one, two in zip(before, self._read_filled(path, outputs[0]), strict=True):
                assert two.observed.all(), "a clipped sample counts as missing"
                for j, channel in enumerate(two.channels):
                    bound = float(np.clip(excess, channel.lower, channel.upper))
                    wrong = np.abs(two.values[~one.observed[:, j], j] - bound)
                    assert (wrong <= rounding(channel, bound)).all(), (
                        f"channel {channel.name!r} was not clipped to {bound}"
                    )

    def test_unfilled_samples_stay_missing(self, tmp_path: Path) -> None:
        """The mask of an output is that of the input where nothing could be filled."""
        path = self.make_sample(_folder(tmp_path, "in"))
        outputs = self._write(path, _folder(tmp_path, "out"), unfilled)
        after = self._read_named(path, outputs[0], self.query.missing)
        for one, two in zip(self._read(path), after, strict=True):
            _assert_same_points(one, two)

    def test_uncertainty_is_optional(self, tmp_path: Path) -> None:
        """A recovery without standard errors is written as well."""
        path = self.make_sample(_folder(tmp_path, "in"))

        def without(points: PointSet) -> Recovery:
            return replace(filled(points), standard_error=None)

        outputs = self._write(path, _folder(tmp_path, "out"), without)
        assert all(points.observed.all() for points in self._read_filled(path, outputs[0]))

    def test_the_input_is_only_read(self, tmp_path: Path) -> None:
        """Neither bytes nor times of the input change."""
        path = self.make_sample(_folder(tmp_path, "in"))
        before = _content(path), _times(path)
        self._write(path, _folder(tmp_path, "out"), filled)
        assert (_content(path), _times(path)) == before
        assert [p.name for p in path.parent.iterdir()] == [path.name], "files lie beside the input"

    def test_same_stamp_same_bytes(self, tmp_path: Path) -> None:
        """An output depends on the input, the recovery and the stamp: on no clock, on no chance."""
        path = self.make_sample(_folder(tmp_path, "in"))
        one = self._write(path, _folder(tmp_path, "one"), filled)
        two = self._write(path, _folder(tmp_path, "two"), filled)
        assert [p.name for p in one] == [p.name for p in two]
        assert [_content(p) for p in one] == [_content(p) for p in two]

    def test_labels_are_written(self, tmp_path: Path) -> None:
        """Superpixel labels are written in a format of the same family, and the data stay."""
        path = self.make_sample(_folder(tmp_path, "in"))
        document = self.adapter.open(path, self.query)
        labels = [_some_labels(layer) for layer in document.layers]
        folder = _folder(tmp_path, "out")
        outputs = self.adapter.write_labels(document, labels, folder / path.name, STAMP)
        _assert_all_in(folder, outputs)

    def test_a_truncated_file_is_an_input_error(self, tmp_path: Path) -> None:
        """Half a file is refused in one sentence, when it is opened or read."""
        path = self.make_sample(tmp_path)
        self.truncate(path)
        _assert_raises(InputError, lambda: self._read(path), path.name)

    def test_an_empty_file_is_an_input_error(self, tmp_path: Path) -> None:
        """A file of 0 bytes is refused in one sentence."""
        path = tmp_path / f"empty{self.make_sample(tmp_path).suffix}"
        path.write_bytes(b"")
        _assert_raises(InputError, lambda: self._read(path), path.name)

    def test_another_format_is_a_request_error(self, tmp_path: Path) -> None:
        """The name of an output cannot ask for another format than the input has."""
        path = self.make_sample(_folder(tmp_path, "in"))
        document = self.adapter.open(path, self.query)
        recoveries = [filled(layer.read()) for layer in document.layers]
        target = _folder(tmp_path, "out") / "output.unheard-of"
        _assert_raises(
            RequestError, lambda: self.adapter.check_target(document, target), target.name
        )
        _assert_raises(
            RequestError,
            lambda: self.adapter.write(document, recoveries, target, STAMP),
            target.name,
        )

    def test_unknown_names_are_request_errors(self, tmp_path: Path) -> None:
        """Variables, axes, rules and masks that the file does not have are refused by name."""
        path = self.make_sample(tmp_path)
        for query in (
            Query(variables=("unheard_of",)),
            Query(channels=("unheard_of",)),
            Query(coordinates=("unheard_of",)),
            Query(missing=(MissingRule("unheard_of", 0.0),)),
        ):
            _assert_raises(RequestError, partial(self.adapter.open, path, query), "unheard_of")
        document = self.adapter.open(path, self.query)
        _assert_raises(RequestError, lambda: document.layers[0].mask("unheard_of"), "unheard_of")

    def _read(self, path: Path) -> list[PointSet]:
        return [layer.read() for layer in self.adapter.open(path, self.query).layers]

    def _read_filled(self, source: Path, output: Path) -> list[PointSet]:
        """Read of an output what was read of its input; what the user called missing is there."""
        return self._read_named(source, output, ())

    def _read_named(
        self, source: Path, output: Path, missing: tuple[MissingRule, ...]
    ) -> list[PointSet]:
        """Name what is to be read: an output without a gap may have nothing to do by default."""
        layers = self.adapter.open(source, self.query).layers
        names = dict.fromkeys(channel.source for layer in layers for channel in layer.channels)
        query = replace(self.query, variables=tuple(names), missing=missing)
        return [layer.read() for layer in self.adapter.open(output, query).layers]

    def _write(
        self, path: Path, folder: Path, recover: Callable[[PointSet], Recovery]
    ) -> tuple[Path, ...]:
        document: Document = self.adapter.open(path, self.query)
        recoveries = [recover(layer.read()) for layer in document.layers]
        outputs = self.adapter.write(document, recoveries, folder / path.name, STAMP)
        _assert_all_in(folder, outputs)
        assert outputs[0] == folder / path.name, "the main output comes first, under its own name"
        return outputs


def _assert_raises(kind: type[SinrGeoError], action: Callable[[], Any], named: str) -> None:
    """Check that an action fails with one sentence that names what it is about."""
    try:
        action()
    except kind as error:
        message = str(error)
        assert named in message, f"the message does not name {named!r}: {message}"
        assert "\n" not in message, f"the message is not one sentence: {message}"
    else:
        raise AssertionError(f"expected {kind.__name__}, but nothing was raised")


def _some_labels(layer: Layer) -> NDArray[np.int32]:
    return (np.arange(len(layer.read())) % 7).astype(np.int32)


def _rows_inside(points: PointSet, layer: Layer, window: tuple[slice, ...]) -> BoolArray:
    """Tell which points of the whole layer lie in a window."""
    inside = np.zeros(layer.shape, np.bool_)
    inside[window] = True
    place = np.arange(len(points)) if points.lattice is None else points.lattice.place
    return np.asarray(inside.reshape(-1)[place])


def _assert_same_points(one: PointSet, two: PointSet) -> None:
    assert one.axes == two.axes
    assert one.channels == two.channels
    np.testing.assert_array_equal(one.coordinates, two.coordinates)
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.observed, two.observed)


def _assert_all_in(folder: Path, outputs: Sequence[Path]) -> None:
    assert outputs, "nothing was written"
    assert {p.name for p in folder.iterdir()} == {p.name for p in outputs}, (
        "the folder has other files than those that were returned"
    )


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _content(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in _files(path)]


def _times(path: Path) -> list[int]:
    return [file.stat().st_mtime_ns for file in _files(path)]
