"""Methods by name. A method's module is imported when the method is asked for."""

from __future__ import annotations

from importlib import import_module

from sinr_geo.errors import RequestError
from sinr_geo.methods.protocol import Method

__all__ = ["BASELINES", "METHODS", "method_named"]

METHODS = {
    "auto": "sinr_geo.methods.auto:AutoMethod",
    "sinr-bayes": "sinr_geo.methods.sinr_bayes:SinrBayesMethod",
    "sinr": "sinr_geo.methods.sinr:SinrMethod",
    "sinr-paper": "sinr_geo.methods.sinr_paper:SinrPaperMethod",
    "sinr-steps": "sinr_geo.methods.sinr_steps:SinrStepsMethod",
    "residual-trees": "sinr_geo.methods.learned:ResidualTreesMethod",
    "attention": "sinr_geo.methods.learned:AttentionMethod",
    "kriging": "sinr_geo.methods.kriging:KrigingMethod",
    "rbf": "sinr_geo.methods.rbf:RbfMethod",
    "trees": "sinr_geo.methods.trees:TreesMethod",
    "nearest": "sinr_geo.methods.nearest_neighbours:NearestMethod",
    "siren": "sinr_geo.baselines.siren:SirenMethod",
    "fourier": "sinr_geo.baselines.fourier_features:FourierMethod",
    "gauss": "sinr_geo.baselines.gauss:GaussMethod",
    "wire": "sinr_geo.baselines.wire:WireMethod",
    "finer": "sinr_geo.baselines.finer:FinerMethod",
    "dip": "sinr_geo.baselines.dip:DipMethod",
    "knr": "sinr_geo.baselines.regressors:NeighboursMethod",
    "dt": "sinr_geo.baselines.regressors:DecisionTreeMethod",
    "rf": "sinr_geo.baselines.regressors:ForestMethod",
    "subspace-bm3d": "sinr_geo.baselines.subspace_bm3d:SubspaceBm3dMethod",
}

BASELINES = tuple(name for name, where in METHODS.items() if where.startswith("sinr_geo.baselines"))
"""What the S-INR paper compares itself with, and later methods of its kind; not part of `auto`."""


def method_named(name: str) -> Method:
    """Return a method.

    Raises
    ------
    RequestError
        If there is no method of that name.
    """
    if name not in METHODS:
        raise RequestError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    module, _, attribute = METHODS[name].partition(":")
    method: Method = getattr(import_module(module), attribute)()
    return method
