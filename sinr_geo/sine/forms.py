"""The two forms of S-INR that `sinr` is made of, each with its settings chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sinr_geo.points import IntArray
from sinr_geo.sine.choice import plain
from sinr_geo.sine.choose_spectral import choose_spectral
from sinr_geo.sine.choose_trained import choose_trained, default_trained, for_all_points
from sinr_geo.sine.ensemble import Ensemble
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.metric import Metric
from sinr_geo.sine.spectral import SpectralSettings, fit_spectral
from sinr_geo.sine.study import Study
from sinr_geo.sine.trained import REFINED, TrainedSettings, fit_trained

__all__ = ["Form", "SpectralForm", "TrainedForm"]

_MOST_TRAINED = 3


class Form(Protocol):
    """A form of S-INR with its settings."""

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    @property
    def tried(self) -> list[dict[str, Any]]:
        """What was tried, with its withheld scores; JSON types only."""
        ...

    @property
    def settings_report(self) -> Mapping[str, Any]:
        """What was chosen; JSON types only."""
        ...

    def fit(
        self, ground: Ground, members: int, seed: int, asked: IntArray | None = None
    ) -> Ensemble:
        """Fit some members to all observed entries of a ground, for some points or for all."""
        ...


@dataclass(frozen=True, slots=True)
class SpectralForm:
    """One wide sine layer from a spectrum, its last layer in closed form.

    Parameters
    ----------
    finalists : tuple of SpectralSettings
        The best settings, and others that are as good; members take them in turn.
    tried : list of dict
    """

    finalists: tuple[SpectralSettings, ...]
    tried: list[dict[str, Any]]
    name: str = "spectral"

    @classmethod
    def choose(cls, study: Study, progress: Callable[[float], None]) -> SpectralForm:
        """Choose the settings, the metric among them."""
        return cls(*choose_spectral(study, progress))

    @property
    def metric(self) -> Metric:
        """What distance means; all finalists have the same."""
        return self.finalists[0].measured

    @property
    def settings_report(self) -> Mapping[str, Any]:
        """The best settings, and those that are as good."""
        best, *others = (plain(settings) for settings in self.finalists)
        return {**best, "as_good": others}

    def fit(
        self, ground: Ground, members: int, seed: int, asked: IntArray | None = None
    ) -> Ensemble:
        """Solve some members; one alone takes the settings that cost least among those as good."""
        alone = min(self.finalists, key=lambda settings: settings.work)
        taken = self.finalists if members > 1 else (alone,)
        return Ensemble(
            tuple(
                fit_spectral(ground, taken[member % len(taken)], seed + member, asked)
                for member in range(members)
            )
        )


@dataclass(frozen=True, slots=True)
class TrainedForm:
    """A narrow and deep network trained by Adam.

    Parameters
    ----------
    settings : TrainedSettings
    tried : list of dict
    """

    settings: TrainedSettings
    tried: list[dict[str, Any]]
    name: str = "trained"

    @classmethod
    def choose(cls, study: Study, metric: Metric, progress: Callable[[float], None]) -> TrainedForm:
        """Choose the settings and the number of steps, given what distance means."""
        channels, sampled = len(study.points.channels), study.sampled()
        start = default_trained(sampled, study.in_all, channels, study.problem.task)
        best, tried = choose_trained(study, metric, start, progress)
        return cls(for_all_points(study, best.settings), tried)

    @property
    def settings_report(self) -> Mapping[str, Any]:
        """The settings."""
        return plain(self.settings)

    def fit(
        self, ground: Ground, members: int, seed: int, asked: IntArray | None = None
    ) -> Ensemble:
        """Train at most three members, always for all points."""
        return Ensemble(
            tuple(
                fit_trained(
                    ground, REFINED, self.settings, points=REFINED.batch, seed=seed + member
                )[0]
                for member in range(min(members, _MOST_TRAINED))
            )
        )
