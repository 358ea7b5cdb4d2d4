"""What sinr-geo asks of every adapter, asked of this one."""

from pathlib import Path

from sinr_geo_xyzv.adapter import XyzvAdapter

from sinr_geo.testing import AdapterContract


class TestXyzv(AdapterContract):
    """Every test of the contract, on the sample."""

    adapter = XyzvAdapter()
    sample = Path(__file__).parents[1] / "sample.xyzv"
