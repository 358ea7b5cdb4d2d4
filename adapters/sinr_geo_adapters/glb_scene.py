"""Where the nodes of a glTF scene put their meshes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["mesh_places"]


def mesh_places(json: dict[str, Any]) -> dict[int, FloatArray]:
    """Walk the scene from its roots.

    Parameters
    ----------
    json : dict
        A glTF document.

    Returns
    -------
    dict of int to ndarray, shape (4, 4)
        By mesh, the matrix from its own to world coordinates; of the first node that shows it.

    Raises
    ------
    ValueError
        If a node is its own ancestor or has two parents.
    """
    nodes = json.get("nodes", [])
    places: dict[int, FloatArray] = {}
    seen: set[int] = set()
    waiting = [(root, np.eye(4)) for root in reversed(_roots(json, nodes))]
    while waiting:
        index, parent = waiting.pop()
        if index in seen:
            raise ValueError(f"node {index} has two parents")
        seen.add(index)
        here = parent @ _matrix(nodes[index])
        if "mesh" in nodes[index]:
            places.setdefault(nodes[index]["mesh"], here)
        waiting.extend((child, here) for child in reversed(nodes[index].get("children", [])))
    return places


def _roots(json: dict[str, Any], nodes: list[dict[str, Any]]) -> list[int]:
    scenes = json.get("scenes")
    if scenes:
        return list(scenes[json.get("scene", 0)].get("nodes", []))
    children = {child for node in nodes for child in node.get("children", [])}
    return [index for index in range(len(nodes)) if index not in children]


def _matrix(node: dict[str, Any]) -> FloatArray:
    if "matrix" in node:
        # glTF writes matrices column by column.
        return np.asarray(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    turned = _rotation(*map(float, node.get("rotation", (0, 0, 0, 1))))
    matrix[:3, :3] = turned * np.asarray(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _rotation(x: float, y: float, z: float, w: float) -> FloatArray:
    """Return the matrix of a unit quaternion."""
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
