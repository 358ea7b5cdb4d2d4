"""Factors of covariances, also of such that rounding has spoilt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinr_geo.cholesky import safe_cholesky


def test_a_sound_covariance_is_factored_as_it_is():
    root = np.random.default_rng(0).standard_normal((3, 6, 6))
    covariance = root @ root.transpose(0, 2, 1) + np.eye(6)
    found = safe_cholesky(torch.tensor(covariance))
    np.testing.assert_allclose(found.numpy(), np.linalg.cholesky(covariance), rtol=1e-12)


def test_one_that_rounding_has_spoilt_is_factored_nearly_as_it_is_and_others_exactly():
    root = np.random.default_rng(1).standard_normal((2, 40, 3))
    covariance = root @ root.transpose(0, 2, 1)
    covariance[1] += np.eye(40)
    spoilt = covariance.astype(np.float32).astype(float)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(spoilt[0])
    found = safe_cholesky(torch.tensor(spoilt)).numpy()
    np.testing.assert_allclose(found[0] @ found[0].T, spoilt[0], atol=1e-4)
    np.testing.assert_allclose(found[1], np.linalg.cholesky(spoilt[1]), rtol=1e-12)


def test_what_is_no_covariance_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="far from positive definite"):
        safe_cholesky(torch.tensor([[[1.0, 3.0], [3.0, 1.0]]]))
    with pytest.raises(np.linalg.LinAlgError):
        safe_cholesky(torch.full((1, 2, 2), torch.nan))
