"""How adapters are found among the installed ones."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sinr_geo import registry
from sinr_geo.errors import AdapterConflictError, InputError, NoAdapterError, RequestError
from sinr_geo.registry import find_adapter, registered_adapters


@dataclass
class Fake:
    """An adapter that claims files by their suffix."""

    name: str
    priority: int
    suffix: str = ".fake"
    asked: list[Path] = field(default_factory=list)
    writes: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        return (f"{self.name} ({self.suffix})",)

    def can_open(self, path: Path) -> bool:
        self.asked.append(path)
        return path.suffix == self.suffix

    def open(self, path: Path, query: Any) -> Any:
        raise AssertionError("finding an adapter opens no file")

    check_target = write = write_labels = open


@dataclass
class Distribution:
    name: str


class Point:
    """An entry point that counts how often it is loaded."""

    def __init__(self, name: str, distribution: str | None, load: Any) -> None:
        self.name = name
        self.value = f"somewhere:{name}"
        self.dist = None if distribution is None else Distribution(distribution)
        self._load = load
        self.loaded = 0

    def load(self) -> Any:
        self.loaded += 1
        if isinstance(self._load, Exception):
            raise self._load
        return lambda: self._load


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that pretends that entry points are installed."""

    def pretend(*points: Point) -> None:
        def entry_points(*, group: str) -> tuple[Point, ...]:
            assert group == "sinr_geo.adapters"
            return points

        monkeypatch.setattr(registry, "entry_points", entry_points)

    return pretend


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.fake"
    file.write_bytes(b"content")
    return file


def test_the_highest_priority_opens_the_file(install: Any, path: Path) -> None:
    low, high = Fake("low", 10), Fake("high", 20)
    install(Point("low", "one", low), Point("high", "two", high))
    assert find_adapter(path) is high
    install(Point("high", "two", high), Point("low", "one", low))
    assert find_adapter(path) is high


def test_who_does_not_claim_it_does_not_open_it(install: Any, path: Path) -> None:
    other, mine = Fake("other", 99, ".other"), Fake("mine", 1)
    install(Point("other", "one", other), Point("mine", "two", mine))
    assert find_adapter(path) is mine


def test_a_tie_names_both_distributions(install: Any, path: Path) -> None:
    install(
        Point("a", "package-one", Fake("a", 50)),
        Point("b", "package-two", Fake("b", 50)),
        Point("c", "package-three", Fake("c", 40)),
    )
    with pytest.raises(AdapterConflictError) as caught:
        find_adapter(path)
    message = str(caught.value)
    assert "package-one" in message
    assert "package-two" in message
    assert "package-three" not in message
    assert "--adapter" in message


def test_an_adapter_by_name_is_not_asked_and_settles_a_tie(install: Any, path: Path) -> None:
    a, b = Fake("a", 50), Fake("b", 50)
    install(Point("a", "one", a), Point("b", "two", b))
    assert find_adapter(path, "b") is b
    assert a.asked == b.asked == []


def test_an_unknown_name_lists_the_known_ones(install: Any, path: Path) -> None:
    install(Point("b", "two", Fake("b", 1)), Point("a", "one", Fake("a", 1)))
    with pytest.raises(RequestError, match=r"no adapter 'c'.*a, b"):
        find_adapter(path, "c")


def test_a_broken_plugin_is_listed_with_its_reason(install: Any, path: Path) -> None:
    good = Fake("good", 1)
    broken = Point("broken", "bad-package", ModuleNotFoundError("No module named 'zap'"))
    install(broken, Point("no", "odd-package", object()), Point("good", "fine", good))
    listed = registered_adapters()
    assert [r.name for r in listed] == ["good", "broken", "no"]
    assert listed[1].adapter is None
    assert listed[1].distribution == "bad-package"
    assert listed[1].broken == "ModuleNotFoundError: No module named 'zap'"
    assert listed[2].broken == "somewhere:no is not an Adapter"
    assert find_adapter(path) is good
    with pytest.raises(RequestError, match=r"'broken' does not work.*zap"):
        find_adapter(path, "broken")


def test_no_adapter_says_what_is_readable_and_what_is_broken(install: Any, tmp_path: Path) -> None:
    install(
        Point("a", "one", Fake("a", 1)),
        Point("broken", "bad-package", ImportError("zap")),
    )
    strange = tmp_path / "strange.xyz"
    strange.write_bytes(b"?")
    with pytest.raises(NoAdapterError, match=r"strange\.xyz.*a \(\.fake\).*broken.*zap"):
        find_adapter(strange)


def test_nothing_installed(install: Any, path: Path) -> None:
    install()
    assert registered_adapters() == ()
    with pytest.raises(NoAdapterError, match="readable are none"):
        find_adapter(path)


def test_absent_and_empty_files(install: Any, tmp_path: Path) -> None:
    fake = Fake("a", 1)
    install(Point("a", "one", fake))
    with pytest.raises(InputError, match="no such file"):
        find_adapter(tmp_path / "absent.fake")
    (tmp_path / "empty.fake").touch()
    with pytest.raises(InputError, match="0 bytes"):
        find_adapter(tmp_path / "empty.fake")
    assert fake.asked == []


def test_a_plugin_without_a_distribution(install: Any) -> None:
    install(Point("a", None, Fake("a", 1)))
    assert registered_adapters()[0].distribution == "unknown"


def test_listing_is_sorted_by_priority_then_name(install: Any) -> None:
    install(
        Point("b", "one", Fake("b", 5)),
        Point("a", "one", Fake("a", 5)),
        Point("c", "one", Fake("c", 9)),
    )
    assert [r.name for r in registered_adapters()] == ["c", "a", "b"]


def test_meshes_and_clouds_are_registered() -> None:
    listed = {r.name: r for r in registered_adapters()}
    for name in ("mesh", "cloud"):
        assert listed[name].distribution == "sinr-geo"
        assert listed[name].adapter is not None, listed[name].broken
