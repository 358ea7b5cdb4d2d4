"""Methods by name. A method's module is imported when the method is asked for."""

from __future__ import annotations

from importlib import import_module

from sinr_geo.errors import RequestError
from sinr_geo.methods.protocol import Method

__all__ = ["METHODS", "method_named"]

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
}


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
