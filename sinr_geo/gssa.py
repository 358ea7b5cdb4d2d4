"""Generalized superpixels: Algorithm 1 (GSSA) and Definition 1 of the S-INR paper.

`segment` is Algorithm 1 as it stands: k-means on values and weighted coordinates. Its groups are
disjoint; for the second condition of Definition 1 `connect` splits off their islands and gives
them to the superpixels around. Values and coordinates are brought to unit total variance first,
so that alpha means the same for every file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import kmeans_plusplus

from sinr_geo.nearest_centres import nearest_centres
from sinr_geo.points import FloatArray, IntArray
from sinr_geo.randomness import generator

__all__ = ["connect", "joint_features", "segment"]

_CONVERGE_ON = 100_000
_START_FROM = 20_000
_FEW = 64
_MOST_DRAWN = 256
_ROWS = 1 << 18
_STILL = 1e-3
_ITERATIONS = 100


def segment(
    values: FloatArray,
    coordinates: FloatArray,
    count: int,
    alpha: float,
    *,
    seed: int,
    device: str = "cpu",
    tolerance: float = _STILL,
) -> NDArray[np.int32]:
    """Assign every point to a generalized superpixel (Algorithm 1).

    Parameters
    ----------
    values : ndarray, shape (n, s)
        Complete values: interpolated where missing, projected where noisy (see `guide`).
    coordinates : ndarray, shape (n, c)
        Embedded coordinates.
    count : int
        Number of superpixels K; fewer come out where there are fewer distinct points.
    alpha : float
        Weight of the squared distance in coordinates against that in values.
    seed : int
        Seed of the k-means++ start and of the sample that centres converge on.
    device : str
    tolerance : float
        Centres stand still when their mean squared move is this share of the mean squared distance
        of points to their centres.

    Returns
    -------
    ndarray of int32, shape (n,)
        Labels 0 ... K - 1, every one of them used.
    """
    features = joint_features(values, coordinates, alpha)
    rng = generator(seed, "superpixels")
    sample = _sample(features, _CONVERGE_ON, rng)
    centres = _start(sample, count, rng)
    converged = _lloyd(
        torch.as_tensor(sample, device=device), torch.as_tensor(centres, device=device), tolerance
    )
    labels = nearest_centres(torch.as_tensor(features, device=device), converged, 1)[:, 0]
    return _compact(labels.cpu().numpy())


def joint_features(
    values: FloatArray, coordinates: FloatArray, alpha: float
) -> NDArray[np.float32]:
    """Put values and coordinates side by side, as superpixels are told apart by them.

    Parameters
    ----------
    values : ndarray, shape (n, s)
    coordinates : ndarray, shape (n, c)
    alpha : float

    Returns
    -------
    ndarray of float32, shape (n, s + c)
        Of mean 0; the values' total variance is 1, that of the coordinates alpha.
    """
    return np.concatenate(
        (_unit_variance(values, 1.0), _unit_variance(coordinates, float(np.sqrt(alpha)))), axis=1
    )


def connect(labels: IntArray, graph: csr_array) -> NDArray[np.int32]:
    """Make every superpixel connected (Definition 1, condition 2).

    Each superpixel keeps its largest connected part. Every other part joins the superpixel with
    which it shares most neighbours; a part that has none around becomes a superpixel of its own.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    graph : csr_array, shape (n, n)
        Symmetric graph of neighbouring points.

    Returns
    -------
    ndarray of int32, shape (n,)
        Labels 0 ... K' - 1, every one of them used.
    """
    here, there = graph.nonzero()
    part = _parts(labels, here, there)
    owner = _owners(labels, part)
    between = part[here] != part[there]
    contacts = _contacts(part[here][between], part[there][between], len(owner))
    return _compact(_adopt(owner, contacts)[part])


def _unit_variance(columns: FloatArray, weight: float) -> NDArray[np.float32]:
    """Centre columns and give them a total variance of 1 (left at 0 where constant), weighted.

    In chunks of rows: of many points no second copy is held in double precision.
    """
    mean = columns.mean(axis=0)
    chunks = [slice(i, i + _ROWS) for i in range(0, len(columns), _ROWS)]
    squared = np.empty(len(columns))
    for part in chunks:
        squared[part] = ((columns[part] - mean) ** 2).sum(axis=1)
    spread = float(np.sqrt(squared.mean()))
    scaled = np.empty(columns.shape, dtype=np.float32)
    for part in chunks:
        scaled[part] = weight * ((columns[part] - mean) / (spread if spread > 0 else 1.0))
    return scaled


def _sample(rows: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    if len(rows) <= size:
        return rows
    return rows[np.sort(rng.choice(len(rows), size, replace=False))]


def _start(rows: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Choose starting centres by k-means++, or at random where they are thousands; -> (K, f).

    k-means++ draws one centre after the other; with a centre every few points, a random draw
    covers them as well. scikit-learn draws two to three times as fast in double precision.
    """
    if count > _MOST_DRAWN:
        return _sample(rows, count, rng)
    start = _sample(rows, _START_FROM, rng).astype(np.float64)
    trials = None if count <= _FEW else 1
    draw = int(rng.integers(2**31))
    centres, _ = kmeans_plusplus(
        start, min(count, len(start)), random_state=draw, n_local_trials=trials
    )
    return np.asarray(centres, dtype=rows.dtype)


def _lloyd(features: torch.Tensor, centres: torch.Tensor, tolerance: float) -> torch.Tensor:
    """Repeat lines 1 to 9 of Algorithm 1 until the centres stand still; (n, f), (K, f) -> (K, f).

    A superpixel that lost all its points keeps its centre.
    """
    for _ in range(_ITERATIONS):
        labels = nearest_centres(features, centres, 1)[:, 0]
        totals = torch.zeros_like(centres).index_add_(0, labels, features)
        sizes = torch.bincount(labels, minlength=len(centres)).to(features.dtype)[:, None]
        moved = torch.where(sizes > 0, totals / sizes.clamp(min=1.0), centres)
        radius = ((features - moved[labels]) ** 2).sum(dim=1).mean()
        shift = ((moved - centres) ** 2).sum(dim=1).mean()
        centres = moved
        if shift <= tolerance * radius:
            break
    return centres


def _compact(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Renumber labels to 0 ... K - 1 in their order."""
    used = np.zeros(int(labels.max(initial=-1)) + 1, dtype=np.bool_)
    used[labels] = True
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return np.asarray(number[labels], dtype=np.int32)


def _parts(labels: IntArray, here: IntArray, there: IntArray) -> IntArray:
    """Give a number to every connected part of every superpixel; -> (n,)."""
    same = labels[here] == labels[there]
    ones = np.ones(int(same.sum()), dtype=np.int8)
    inside = coo_array((ones, (here[same], there[same])), shape=(labels.size, labels.size))
    _, part = connected_components(inside.tocsr(), directed=False)
    return np.asarray(part, dtype=np.int64)


def _owners(labels: IntArray, part: IntArray) -> IntArray:
    """Return the superpixel of each part, -1 for islands; ties go to the part met first."""
    sizes = np.bincount(part)
    label_of_part = np.empty(sizes.size, dtype=np.int64)
    label_of_part[part] = labels
    order = np.lexsort((np.arange(sizes.size), -sizes, label_of_part))
    first = np.concatenate(([True], np.diff(label_of_part[order]) > 0))
    owner = np.full(sizes.size, -1, dtype=np.int64)
    owner[order[first]] = label_of_part[order[first]]
    return owner


def _contacts(here: IntArray, there: IntArray, count: int) -> csr_array:
    """Count the neighbouring pairs between parts, shape (parts, parts)."""
    ones = np.ones(here.size, dtype=np.int64)
    contacts = coo_array((ones, (here, there)), shape=(count, count)).tocsr()
    contacts.sum_duplicates()
    return contacts


def _adopt(owner: IntArray, contacts: csr_array) -> IntArray:
    """Give islands to the superpixel they touch most, from the shores inwards."""
    owner = owner.copy()
    here, there = contacts.nonzero()
    weight = contacts.data
    while (owner < 0).any():
        shore = (owner[here] < 0) & (owner[there] >= 0)
        if not shore.any():
            stranded = np.flatnonzero(owner < 0)
            owner[stranded[0]] = owner.max() + 1
            continue
        island, host, touch = here[shore], owner[there[shore]], weight[shore]
        pairs = coo_array((touch, (island, host)), shape=(owner.size, int(owner.max()) + 1)).tocsr()
        pairs.sum_duplicates()
        rows = np.unique(island)
        owner[rows] = np.asarray(pairs[rows].argmax(axis=1)).ravel()
    return owner
