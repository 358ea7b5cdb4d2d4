"""Cost against points is measured in processes of their own and drawn from what they told."""

from __future__ import annotations

import json

from matplotlib.axes import Axes

from benchmarks import growth_curve


def test_every_part_is_measured_at_every_size(monkeypatch, capsys):
    monkeypatch.setattr(growth_curve, "NAMES", {"segment": "GSSA"})
    assert growth_curve.main(["--sides", "20,30", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["what"], row["side"]) for row in rows] == [("segment", 20), ("segment", 30)]
    assert all(row["peak_mib"] > 50.0 for row in rows)


def test_the_picture_has_a_line_for_every_part(monkeypatch, tmp_path):
    rows = [
        {"what": what, "side": side, "seconds": side / 10, "cpu_seconds": 1.0, "peak_mib": 1.0}
        for what in growth_curve.NAMES
        for side in (100, 1_000)
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    lines = {}
    plot = Axes.plot

    def seen(axes, x, y, *form, **look):
        lines[look["label"]] = (list(x), list(y))
        return plot(axes, x, y, *form, **look)

    monkeypatch.setattr(Axes, "plot", seen)
    picture = tmp_path / "cost.png"
    assert growth_curve.main(["--draw", str(tmp_path / "rows.json"), str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    for name in growth_curve.NAMES.values():
        assert lines[name] == ([1e4, 1e6], [10.0, 100.0])
