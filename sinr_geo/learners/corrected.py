"""Local kriging with a learner's correction, for channels of one mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.kriging.choose import FieldChoice
from sinr_geo.learners.learner import Learned, Learner
from sinr_geo.learners.sight import Samples, Scene
from sinr_geo.points import FloatArray, IntArray
from sinr_geo.randomness import generator

__all__ = ["CorrectedField"]

_MOST_LESSONS = 20_000
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class CorrectedField:
    """Samples, and what was learned from kriging each of them without itself.

    Parameters
    ----------
    samples : Samples
    learned : Learned
    """

    samples: Samples
    learned: Learned

    @classmethod
    def fit(
        cls,
        scene: Scene,
        rows: IntArray,
        values: FloatArray,
        chosen: FieldChoice,
        learner: Learner,
        *,
        seed: int,
        device: str,
    ) -> CorrectedField:
        """Learn from the values (m, s) of the points `rows` of a scene.

        Of more than 20,000 samples a random part is learned from; all of them are seen as
        neighbours.
        """
        samples = Samples.of(scene, rows, values, chosen, device)
        which = np.arange(rows.size)
        if rows.size > _MOST_LESSONS:
            rng = generator(seed, "samples to learn from")
            which = np.sort(rng.choice(which, _MOST_LESSONS, replace=False))
        sight, residual = samples.see(which)
        return cls(samples, learner.fit(sight, residual, seed=seed, device=device))

    def predict(self, scene: Scene, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Predict the points `rows` of a scene.

        Returns
        -------
        mean, uncertainty : ndarray, each of shape (q, s)
            The uncertainty joins kriging's variance and the spread of the learner's members; it
            ranks errors, their size is learned elsewhere.
        """
        mean, uncertainty = np.empty((2, rows.size, self.samples.values.shape[1]))
        for start in range(0, rows.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            sight = self.samples.look(scene, rows[part])
            residual, spread = self.learned.predict(sight)
            mean[part] = sight.mean + residual
            uncertainty[part] = np.hypot(sight.error, spread)
        scale = self.samples.spread
        return self.samples.middle + scale * mean, scale * uncertainty
