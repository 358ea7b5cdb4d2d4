"""`--report`: one HTML page, read here by a parser that knows nothing of how it was made."""

from __future__ import annotations

import base64
import io
import json
import sys

import html5lib
import matplotlib.image
import numpy as np
import plyfile
import pytest
import rasterio
import xarray as xr

import sinr_geo
from sinr_geo.errors import NothingToDoError
from sinr_geo.methods.catalogue import METHODS
from sinr_geo_cli.report.choice import choice_section
from sinr_geo_cli.report.markup import element

SHOWN_AS_HEADINGS = {
    *("scores", "weights", "weights_by_channel", "members", "standard_error_law"),
    *("missingness", "trends", "detected", "per_cell", "per_cell_sd", "p_value", "channel"),
}
PNG = "data:image/png;base64,"


class Page:
    """A report, parsed strictly: an error of HTML is a failure of the test."""

    def __init__(self, path):
        self.source = path.read_text(encoding="utf-8")
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.root = parser.parse(self.source)
        self.text = words(self.root)

    def all(self, name):
        return list(self.root.iter(name))

    @property
    def numbers(self):
        return {float(found.get("value")) for found in self.all("data")}

    @property
    def pictures(self):
        """Alternative texts and decoded pixels (rows, columns, 4)."""
        found = []
        for image in self.all("img"):
            assert image.get("src").startswith(PNG)
            data = base64.b64decode(image.get("src").removeprefix(PNG))
            found.append((image.get("alt"), matplotlib.image.imread(io.BytesIO(data))))
        return found

    def table(self, caption):
        """Rows of words of the table whose caption begins so, its head first."""
        (table,) = [t for t in self.all("table") if words(t.find("caption")).startswith(caption)]
        return [[words(cell) for cell in row] for row in table.iter("tr")]


def words(element):
    return " ".join("".join(element.itertext()).split())


def leaves(content):
    """Yield every key and every value of a JSON object."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in SHOWN_AS_HEADINGS:
                yield key
            yield from leaves(value)
    elif isinstance(content, list):
        for value in content:
            yield from leaves(value)
    else:
        yield content


def assert_tells_all(page, content):
    for leaf in leaves(content):
        if isinstance(leaf, bool) or leaf is None:
            continue
        if isinstance(leaf, int | float):
            assert leaf in page.numbers
        else:
            assert leaf in page.text


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report.html"


@pytest.fixture
def small(tmp_path):
    """A grid of one variable with a gap, quick for a real method."""
    source = tmp_path / "small.nc"
    values = np.add.outer(np.sin(np.arange(14.0)), np.cos(np.arange(16.0) / 3.0))
    values[4:7, 5:9] = np.nan
    axes = {"lat": np.linspace(40, 41, 14), "lon": np.linspace(5, 6, 16)}
    xr.Dataset({"t": (("lat", "lon"), values)}, coords=axes).to_netcdf(source)
    return source


@pytest.mark.usefixtures("mean_method")
class TestWithACheapMethod:
    def test_the_page_stands_alone_and_can_be_read_by_everybody(self, run, weather, report):
        ran = run("fill", weather, "--report", report)
        assert ran.status == 0
        assert f"wrote {report}" in ran.out.splitlines()
        page = Page(report)
        assert page.all("html")[0].get("lang") == "en"
        assert weather.name in words(page.all("title")[0])
        assert page.all("script") == page.all("link") == []
        assert "http" not in page.source
        assert "url(" not in page.source
        assert "prefers-color-scheme: dark" in page.source
        assert page.all("table")
        assert all(words(table.find("caption")) for table in page.all("table"))
        assert all(head.get("scope") for head in page.all("th"))
        assert page.pictures
        assert all(alt for alt, _ in page.pictures)

    def test_it_says_what_was_run_and_what_came_out(self, run, weather, report, monkeypatch):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        run("fill", weather, "--report", report, "--quiet")
        page = Page(report)
        assert f"sinr-geo fill {weather} --report {report} --quiet" in page.text
        assert f"sinr-geo {sinr_geo.__version__}" in page.text
        assert "weather.filled.nc" in page.text
        assert "2023-11-14 22:13:20 UTC" in page.text

    def test_samples_are_counted_by_channel_and_flag(self, run, weather, report):
        told = json.loads(run("fill", weather, "--report", report, "--json", "--quiet").out)
        assert told["report"] == str(report)
        head, *rows = Page(report).table("Samples by flag")
        counts = {
            row[0]: dict(zip(head[1:-1], (int(n.replace(",", "")) for n in row[1:-1]), strict=True))
            for row in rows
        }
        with xr.open_dataset(weather) as dataset:
            for name, unit in (("t2m", "K"), ("precipitation", "mm day-1")):
                own = counts[f"{name} [{unit}]"]
                missing = int(dataset[name].isnull().sum())
                assert own["observed"] == dataset[name].size - missing
                assert own["filled"] + own.get("extrapolated", 0) == missing
        (layer,) = told["layers"]
        assert counts["all channels"] == {f: n for f, n in layer["samples"].items() if n}

    def test_without_it_nothing_is_said_of_a_report(self, run, weather):
        told = json.loads(run("fill", weather, "--json", "--quiet").out)
        assert "report" not in told
        assert sorted(p.name for p in weather.parent.iterdir()) == [
            "weather.filled.nc",
            "weather.nc",
        ]

    def test_notes_are_in_it(self, run, weather, report):
        ran = run("fill", weather, "--max-gap", "1", "--report", report)
        notes = [n.removeprefix("note: ") for n in ran.out.splitlines() if n.startswith("note: ")]
        items = [words(item) for item in Page(report).all("li")]
        assert notes
        assert items == notes

    def test_names_out_of_a_file_are_no_markup(self, run, tmp_path, report):
        source = tmp_path / "<i>&.nc"
        values = np.add.outer(np.arange(9.0), np.arange(12.0))
        values[3:5, 4:6] = np.nan
        axes = {"lat": np.linspace(40, 41, 9), "lon": np.linspace(5, 6, 12)}
        hostile = {"t<b>&x": (("lat", "lon"), values, {"units": "$\\frac{<u> & 温"})}
        xr.Dataset(hostile, coords=axes).to_netcdf(source)
        assert run("fill", source, "--report", report, "--quiet").status == 0
        page = Page(report)
        assert "t<b>&x [$\\frac{<u> & 温]" in [row[0] for row in page.table("Samples by flag")]
        assert page.all("b") == page.all("i") == page.all("u") == []
        assert all("t<b>&x" in alt for alt, _ in page.pictures)
        assert source.name in words(page.all("title")[0])

    @pytest.mark.parametrize("command", [["fill"], ["denoise"], ["evaluate", "--method", "auto"]])
    def test_the_same_run_gives_the_same_page(self, run, weather, report, monkeypatch, command):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        typed = (*command, weather, "--report", report, "--overwrite", "--quiet")
        pages = []
        for _ in range(2):
            assert run(*typed).status == 0
            pages.append(report.read_bytes())
        assert pages[0] == pages[1]

    def test_an_existing_report_is_replaced_only_on_request(
        self, run, weather, report, monkeypatch
    ):
        report.write_text("mine")
        with monkeypatch.context() as patch:
            patch.setitem(METHODS, "auto", "mean_method:NeverReached")
            for command in ("fill", "evaluate"):
                ran = run(command, weather, "--report", report)
                assert ran.status == 2
                assert "--overwrite" in ran.err
                assert str(report) in ran.err
        assert report.read_text() == "mine"
        assert sorted(weather.parent.iterdir()) == [report, weather]
        assert run("fill", weather, "--report", report, "--overwrite").status == 0
        assert Page(report).all("h1")

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("report.txt", "HTML"),
            ("folder.html", "folder"),
            ("nowhere/report.html", "nowhere"),
            ("weather.filled.html", "output"),
            ("weather.html", "input"),
            ("cube.html/report.html", "input"),
        ],
    )
    def test_a_place_that_cannot_be_is_refused_before_any_work(
        self, run, weather, monkeypatch, name, word
    ):
        monkeypatch.setitem(METHODS, "auto", "mean_method:NeverReached")
        source = weather.with_name("weather.html")
        weather.rename(source)
        (source.parent / "folder.html").mkdir()
        if word == "input" and "/" in name:
            source = source.parent / "cube.html"
            source.mkdir()
        before = sorted(source.parent.iterdir())
        ran = run("fill", source, "--report", source.parent / name, "--overwrite")
        assert ran.status == 2
        assert "--report" in ran.err
        assert word in ran.err
        assert sorted(source.parent.iterdir()) == before

    def test_a_folder_that_is_closed_is_refused_before_any_work(
        self, run, weather, report, monkeypatch
    ):
        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setitem(METHODS, "auto", "mean_method:NeverReached")
        monkeypatch.setattr("sinr_geo.staging.tempfile.mkdtemp", refuse)
        ran = run("fill", weather, "--report", report)
        assert ran.status == 2
        assert "cannot write in this folder (Permission denied)" in ran.err
        assert "--report" in ran.err

    @pytest.mark.parametrize(
        ("where", "left"),
        [
            ("mean_method.MeanMethod.choose", ["weather.nc"]),
            ("sinr_geo_cli.report.pictures.draw_view", ["weather.filled.nc", "weather.nc"]),
            ("sinr_geo.staging._replace", ["weather.nc"]),
        ],
    )
    def test_ctrl_c_leaves_nothing_that_is_not_whole(
        self, run, weather, report, monkeypatch, where, left
    ):
        def interrupt(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(where, interrupt)
        assert run("fill", weather, "--report", report, "--quiet").status == 130
        assert sorted(path.name for path in weather.parent.iterdir()) == left

    def test_ctrl_c_while_the_page_is_put_in_its_place(self, run, weather, report, monkeypatch):
        own = sys.modules["sinr_geo.staging"]._replace

        def interrupt(path, place):
            if place == report:
                raise KeyboardInterrupt
            own(path, place)

        monkeypatch.setattr("sinr_geo.staging._replace", interrupt)
        assert run("fill", weather, "--report", report, "--quiet").status == 130
        left = sorted(path.name for path in weather.parent.iterdir())
        assert left == ["weather.filled.nc", "weather.nc"]

    def test_pictures_are_of_steps_with_gaps_and_tell_their_range(self, run, weather, report):
        run("fill", weather, "--report", report, "--quiet")
        pictures = Page(report).pictures
        assert len(pictures) == 6
        with xr.open_dataset(weather) as dataset:
            most = int(np.argmax(dataset["t2m"].isnull().values.sum(axis=(1, 2)))) + 1
        assert any(alt.startswith(f"t2m, time {most} of 8, ") for alt, _ in pictures)
        for alt, pixels in pictures:
            assert "standard error 0 to 1 " in alt
            assert np.ptp(pixels[..., :3]) > 0.5

    def test_without_uncertainty_there_is_none_in_the_pictures(self, run, weather, report):
        run("fill", weather, "--no-uncertainty", "--report", report, "--quiet")
        assert not any("standard error" in alt for alt, _ in Page(report).pictures)

    def test_a_scene_is_shown_upright(self, run, tmp_path, report):
        source = tmp_path / "scene.tif"
        bands = np.zeros((2, 30, 40), dtype=np.float32)
        bands[:, :15] = 1.0
        bands[1, 5:9, 5:9] = np.nan
        grid = rasterio.Affine(30, 0, 500_000, 0, -30, 5_800_000)
        shape = {"count": 2, "height": 30, "width": 40, "dtype": "float32"}
        with rasterio.open(
            source, "w", driver="GTiff", crs="EPSG:32633", transform=grid, nodata=np.nan, **shape
        ) as file:
            file.write(bands)
        assert run("fill", source, "--report", report, "--quiet").status == 0
        page = Page(report)
        ((alt, pixels),) = page.pictures
        assert alt.startswith("band 2, ")
        yellow = (pixels[..., 0] > 0.9) & (pixels[..., 1] > 0.8) & (pixels[..., 2] < 0.3)
        third = yellow[:, : yellow.shape[1] // 3]
        assert third[: len(third) // 2].sum() > 4 * third[len(third) // 2 :].sum()

    def test_colours_of_a_cloud_are_shown_as_colours(self, run, tmp_path, report):
        source = tmp_path / "scan.ply"
        kinds = [(n, "f4") for n in "xyz"] + [(c, "u1") for c in ("red", "green", "blue")]
        vertices = np.zeros(400, dtype=kinds)
        vertices["x"], vertices["y"] = np.divmod(np.arange(400.0), 20)
        vertices["red"] = 200 + vertices["x"]
        vertices["green"], vertices["blue"] = 20 + vertices["y"], 30 + vertices["y"]
        for name in ("red", "green", "blue"):
            vertices[name][150:190] = 0
        plyfile.PlyData([plyfile.PlyElement.describe(vertices, "vertex")]).write(source)
        assert run("fill", source, "--missing", "rgb=0", "--report", report, "--quiet").status == 0
        page = Page(report)
        ((alt, pixels),) = page.pictures
        assert alt.startswith("colours, ")
        red = (pixels[..., 0] > 0.7) & (pixels[..., 1] < 0.3)
        first, second, _ = np.array_split(red.sum(axis=0), 3)
        assert second.sum() > 1.02 * first.sum() > 0
        assert [row[0] for row in page.table("Samples by flag")][1:4] == ["red", "green", "blue"]

    def test_evaluate_shows_every_score(self, run, weather, report):
        methods = ("--method", "auto,nearest", "--effort", "fast")
        ran = run("evaluate", weather, *methods, "--report", report, "--json", "--quiet")
        told = json.loads(ran.out)
        assert told["report"] == str(report)
        page = Page(report)
        (layer,) = told["layers"]
        items = [words(item) for item in page.all("li")]
        assert items == [" ".join(finding.split()) for finding in layer["findings"]]
        for score in layer["scores"]:
            del score["seconds"]
            channels = score.pop("channels")
            assert_tells_all(page, list(score.values()))
            assert_tells_all(page, [list(channel.values()) for channel in channels])
        rows = page.table("Errors over all channels")
        assert [row[0] for row in rows[1:]] == [score["method"] for score in layer["scores"]]
        assert "seconds" in rows[0]

    def test_evaluate_says_which_methods_could_not_be_tried_and_why(
        self, run, weather, report, monkeypatch
    ):
        def refuse(*_):
            raise NothingToDoError("it <does not> suit this data")

        monkeypatch.setattr("sinr_geo.methods.nearest_neighbours.NearestMethod.choose", refuse)
        methods = ("--method", "auto,nearest", "--effort", "fast")
        assert run("evaluate", weather, *methods, "--report", report, "--quiet").status == 0
        rows = Page(report).table("Methods that could not be tried")
        assert rows == [["method", "why"], ["nearest", "it <does not> suit this data"]]


def test_every_setting_and_score_of_a_real_method_is_in_it(run, small, report):
    ran = run(
        *("fill", small, "--method", "rbf", "--effort", "fast", "--json", "--quiet"),
        *("--report", report),
    )
    (layer,) = json.loads(ran.out)["layers"]
    assert len(list(leaves(layer["choice"]))) > 20
    assert_tells_all(Page(report), layer["choice"])


STACK = {
    "method": "auto",
    "withheld_rmse": 0.3114714257,
    "scores": {"sinr-bayes": 0.3084828625, "kriging": 0.3165045767, "left-out": 0.44, "lost": None},
    "weights": {"sinr-bayes": 0.37367887, "kriging": 0.28431654},
    "weights_by_channel": {
        "tried": {"sinr-bayes": 0.9, "kriging": 0.1},
        "<b>&x": {"sinr-bayes": 0.15, "kriging": 0.85},
    },
    "standard_error_law": {
        "slope_of_members_error": 0.9,
        "slope_of_disagreement": 0.23118501,
        "slope_of_local_spread": 0.36140185,
        "scale": [0.16364, 0.06641],
        "added later": "a word",
    },
    "members": {
        "sinr-bayes": {
            "method": "sinr-bayes",
            "by_channel": {"<b>&x": {"power": 1.64, "tried": {"start": 0.25, "power=<2": 0.24}}},
            "helps": [True, False],
            "unheard of": {"deeper": [{"rate": 1e-05, "score": {"<i>": 7}}, {"rate": 0.02}]},
        },
        "kriging": {
            "alternatives": {"first": [{"width": 3, "withheld_rmse": 0.125}], "second": []}
        },
    },
    "missingness": {
        "trends": [
            {
                "channel": "<b>&x",
                "per_cell": 3.8258655,
                "per_cell_sd": 0.04848,
                "p_value": 0.0016635,
                "detected": True,
                "since": "then",
            }
        ],
        "corrected": [{"channel": "<b>&x", "withheld_rmse": {"1": 0.5, "2": 0.625}}],
    },
    "new with some method": {"a": {"b": {"c": "deep down"}}},
}


@pytest.fixture
def stack_page(tmp_path):
    """A choice alone, in the smallest page that is valid."""
    path = tmp_path / "choice.html"
    body = choice_section(STACK)
    path.write_text(f"<!DOCTYPE html><html><head><title>t</title></head><body>{body}</body></html>")
    return Page(path)


def test_nothing_of_a_choice_is_lost(stack_page):
    assert_tells_all(stack_page, STACK)
    assert stack_page.all("b") == stack_page.all("i") == []


def test_every_member_has_its_weight_and_score_and_those_without_are_dropped(stack_page):
    _, *rows = stack_page.table("Weight of every member")
    assert rows == [
        ["sinr-bayes", "37.4%", "0.3085"],
        ["kriging", "28.4%", "0.3165"],
        ["left-out", "dropped", "0.44"],
        ["lost", "dropped", "not known"],
    ]
    _, *by_channel = stack_page.table("Weight by channel")
    assert by_channel == [["tried", "90.0%", "10.0%"], ["<b>&x", "15.0%", "85.0%"]]


def test_a_trend_towards_the_gaps_is_said(stack_page):
    _, row = stack_page.table("Change of the values per cell")
    assert row == ["<b>&x", "3.826", "0.04848", "0.001664", "yes", "then"]


def test_where_one_method_was_taken_the_scores_of_the_others_stand_beside_it(tmp_path):
    choice = {"method": "sinr-bayes", "scores": {"sinr": 0.5, "sinr-bayes": 0.25}}
    path = tmp_path / "choice.html"
    body = choice_section(choice)
    path.write_text(f"<!DOCTYPE html><html><head><title>t</title></head><body>{body}</body></html>")
    page = Page(path)
    assert page.table("What every method scored")[1:] == [["sinr-bayes", "0.25"], ["sinr", "0.5"]]
    (best,) = [row for row in page.all("tr") if row.get("class") == "best"]
    assert words(best).startswith("sinr-bayes")


def test_no_character_of_a_name_breaks_the_page():
    made = str(element("p", "a\x00b\x1b\x85\udcff\uffff", title="\"'<&>"))
    assert made == '<p title="&quot;&#x27;&lt;&amp;&gt;">a\ufffdb\ufffd\ufffd\ufffd\ufffd</p>'
    assert made.encode("utf-8")
