"""Open a raster through GDAL quietly, and say what went wrong in one sentence."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sinr_geo.errors import InputError, RequestError

__all__ = ["opened", "reported", "translate"]


@contextmanager
def opened(path: Path, mode: str = "r", **options: Any) -> Iterator[Any]:
    """Open a raster as a rasterio dataset and close it again.

    Parameters
    ----------
    path : Path
    mode : str
        ``"r"``, ``"r+"`` or ``"w"``, as `rasterio.open` takes it.
    **options
        Further options of `rasterio.open`.

    Yields
    ------
    rasterio.io.DatasetReader or DatasetWriter

    Raises
    ------
    InputError
        If GDAL cannot open or read the file (also later, within the block).
    RequestError
        If GDAL cannot write it.
    """
    import rasterio

    # Without PAM a writer leaves the .aux.xml that was copied beside the file as it is, and
    # makes none where there was none.
    settings = {} if mode == "r" else {"GDAL_PAM_ENABLED": False, "GDAL_TIFF_INTERNAL_MASK": True}
    with reported(path, mode), rasterio.Env(**settings), _open(path, mode, options) as dataset:
        yield dataset


@contextmanager
def reported(path: Path, mode: str = "r") -> Iterator[None]:
    """Turn the errors that rasterio raises within the block into ours."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        if mode == "r":
            raise InputError(f"{path}: GDAL cannot read it as a raster: {_cause(error)}") from error
        raise RequestError(f"{path}: GDAL cannot write it: {_cause(error)}") from error


def translate(source: Path, target: Path, driver: str, **creation_options: Any) -> None:
    """Encode a raster anew, with everything that GDAL carries from one format to another.

    Raises
    ------
    InputError
        If the source cannot be read or the driver refuses it.
    """
    import rasterio
    import rasterio.shutil

    with reported(source), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), _no_georeference_warnings():
        _show_proj_its_database()
        rasterio.shutil.copy(source, target, driver=driver, **creation_options)


def _open(path: Path, mode: str, options: dict[str, Any]) -> Any:
    import rasterio

    _show_proj_its_database()
    with _no_georeference_warnings():
        return rasterio.open(path, mode, **options)


@contextmanager
def _no_georeference_warnings() -> Iterator[None]:
    """Rasters without a place on earth are welcome: they lie on an index grid."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _cause(error: BaseException) -> str:
    """First line of the deepest error: rasterio's own often reads "see previous exception"."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


@cache
def _show_proj_its_database() -> None:
    """Tell PROJ's default context where rasterio's wheel keeps proj.db.

    GDAL asks that context for the name of a unit such as the kilometre when it opens a GeoTIFF.
    rasterio tells every other context of PROJ where to look, and this one prints "Cannot find
    proj.db" straight to standard error, past GDAL's error handler.
    """
    import rasterio._base
    from rasterio.env import PROJDataFinder

    folder = PROJDataFinder().search_wheel()
    # The prefix is that of the PROJ inside a wheel; other builds find their database themselves.
    set_paths = getattr(
        ctypes.CDLL(rasterio._base.__file__), "internal_proj_context_set_search_paths", None
    )
    if folder is None or set_paths is None:
        return
    set_paths.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    set_paths.restype = None
    set_paths(None, 1, (ctypes.c_char_p * 1)(folder.encode()))
