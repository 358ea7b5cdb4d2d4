"""What every adapter keeps, kept for rasters."""

import numpy as np
import rasterio

from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.raster import RasterAdapter

__all__ = ["TestFloat", "TestPacked"]

PLACE = {"crs": "EPSG:32633", "transform": rasterio.Affine(30, 0, 5e5, 0, -30, 6e6)}


def make(folder, dtype, **profile):
    row, column = np.mgrid[:40, :50]
    bands = np.stack([100 + row + column, 200 - row]).astype(dtype)
    bands[:, 10:20, 10:30] = profile["nodata"]
    path = folder / "scene.tif"
    with rasterio.open(
        path, "w", "GTiff", 50, 40, 2, dtype=dtype, compress="deflate", **PLACE, **profile
    ) as dataset:
        dataset.write(bands)
    return path


class TestPacked(AdapterContract):
    adapter = RasterAdapter()

    def make_sample(self, folder):
        path = make(folder, "uint8", nodata=255)
        with rasterio.open(path, "r+") as dataset:
            dataset.scales, dataset.offsets = (0.5, 2.0), (10.0, -3.0)
        return path

    def test_it_leaves_foreign_files(self, tmp_path):
        """Rasters are claimed by name too: who calls a text file .tif shall hear what is wrong."""
        for name in ("a.txt", "a.nc", "a"):
            path = tmp_path / name
            path.write_bytes(b"a line of text\n")
            assert self.adapter.can_open(path) is False
        (tmp_path / "folder").mkdir()
        assert self.adapter.can_open(tmp_path / "folder") is False
        assert self.adapter.can_open(tmp_path / "absent") is False


class TestFloat(TestPacked):
    def make_sample(self, folder):
        return make(folder, "float32", nodata=-9999.0)
