"""`sinr-geo demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sinr_geo_cli.options import Json, Quiet
from sinr_geo_cli.output import outcome_object, print_json, print_lines
from sinr_geo_cli.progress import reporting
from sinr_geo_cli.stamp import stamp_of

if TYPE_CHECKING:
    from sinr_geo.demonstration import FillScore
    from sinr_geo.sample import WeatherSample

__all__ = ["demo", "demo_lines"]

_FILES = ("weather.nc", "weather.filled.nc", "demo.png")
_LARGEST_OWN = 10_000_000
_WRITTEN = """\
wrote {folder}/weather.nc: made-up weather with gaps
wrote {folder}/weather.filled.nc: the same, filled
wrote {folder}/demo.png: gaps, filled field, truth and standard error
root mean square error of the samples that were missing, by the truth kept aside:"""


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to write; made if needed.")] = Path("demo"),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a weather file with gaps, fill it, and compare with the truth and nearest neighbours."""
    import sinr_geo
    from sinr_geo.demonstration import score_fill
    from sinr_geo.sample import weather_sample

    gappy, filled, picture = (folder / name for name in _FILES)
    _claim(folder)
    sample = weather_sample()
    _write_sample(sample, gappy)
    with reporting(quiet=quiet) as progress:
        outcome = sinr_geo.fill(
            gappy, filled, overwrite=True, stamp=stamp_of(context.obj), progress=progress
        )
    scores = score_fill(gappy, filled, sample.truth)
    _write_picture(filled, sample, scores, picture)
    if as_json:
        content = outcome_object("demo", gappy, outcome)
        print_json({**content, "picture": str(picture), "scores": [s.as_dict() for s in scores]})
    elif not quiet:
        print_lines([*_WRITTEN.format(folder=folder).splitlines(), *demo_lines(scores)])


def demo_lines(scores: tuple[FillScore, ...]) -> list[str]:
    """Set the errors beside those of nearest neighbours, whichever is lower."""
    return [_score_line(score) for score in scores]


def _claim(folder: Path) -> None:
    """Make the folder; refuse to replace a file that an earlier demo did not write."""
    from sinr_geo.errors import OutputExistsError, RequestError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise RequestError(f"{folder}: this is a file; name a folder for the demo") from None
    for path in (folder / name for name in _FILES):
        if path.exists() and not _is_ours(path):
            raise OutputExistsError(
                f"{path}: this file is not from a demo, and would be replaced; name another folder"
            )


def _is_ours(path: Path) -> bool:
    """Whether a file carries the demo's title, which NetCDF and PNG keep as plain bytes."""
    from sinr_geo_adapters.sample import TITLE

    small = path.is_file() and path.stat().st_size <= _LARGEST_OWN
    return small and TITLE.encode() in path.read_bytes()


def _write_sample(sample: WeatherSample, path: Path) -> None:
    from sinr_geo.staging import write_whole
    from sinr_geo_adapters.sample import write_weather

    def write(staged: Path) -> tuple[Path, ...]:
        write_weather(sample, staged)
        return (staged,)

    write_whole(path.parent, path, write, overwrite=True)


def _write_picture(
    filled: Path, sample: WeatherSample, scores: tuple[FillScore, ...], picture: Path
) -> None:
    from sinr_geo.staging import write_whole
    from sinr_geo_adapters.sample import TITLE
    from sinr_geo_cli.picture import draw_demo

    def write(staged: Path) -> tuple[Path, ...]:
        draw_demo(filled, sample, scores, staged, TITLE)
        return (staged,)

    write_whole(filled, picture, write, overwrite=True)


def _score_line(score: FillScore) -> str:
    change = score.rmse / score.nearest_rmse - 1.0
    verdict = f"{abs(change):.0%} {'lower' if change < 0 else 'higher'}"
    return (
        f"  {score.channel}: {score.rmse:.3f} {score.unit}, with nearest neighbours "
        f"{score.nearest_rmse:.3f} {score.unit}: {verdict} ({score.samples:,} samples)"
    )
