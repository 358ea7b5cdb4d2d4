"""Cholesky factors of covariances that rounding has made a little less than positive definite."""

from __future__ import annotations

import torch
from numpy.linalg import LinAlgError

__all__ = ["safe_cholesky"]

_JITTERS = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0)


def safe_cholesky(covariance: torch.Tensor) -> torch.Tensor:
    """Factor covariances, with jitter on the diagonal of those that cannot be factored without.

    Parameters
    ----------
    covariance : Tensor, shape (k, m, m)
        The jitter, if any, is added in place: 1e-10 of the mean variance, or 100 times as much
        until it is enough.

    Returns
    -------
    Tensor, shape (k, m, m)
        Lower triangular.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where the whole variance is not enough: no rounding does that.
    """
    factor: torch.Tensor
    factor, failed = torch.linalg.cholesky_ex(covariance)
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    variance = diagonal.mean(dim=1).clone()
    for jitter in _JITTERS:
        if not bool(failed.any()):
            return factor
        diagonal.add_((jitter * variance * (failed > 0))[:, None])
        factor, failed = torch.linalg.cholesky_ex(covariance)
    if bool(failed.any()):
        raise LinAlgError("a covariance is far from positive definite")
    return factor
