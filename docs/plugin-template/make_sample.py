"""Write sample.xyzv: a smooth field at scattered places, with gaps. The same every time."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(7)
x, y = rng.uniform(0, 10, (2, 240)).round(3)
z = (0.1 * x).round(3)
temperature = (15 + 4 * np.sin(x / 2) * np.cos(y / 3)).round(3)
ph = (7 + 0.05 * x - 0.03 * y + 0.2 * np.sin(y)).round(3)
temperature[(np.hypot(x - 6, y - 4) < 1.5) | (rng.random(240) < 0.15)] = np.nan
ph[rng.random(240) < 0.2] = np.nan

lines = ["# xyzv 1 240", "# x y z temperature ph"]
lines += [" ".join(map(str, row)) for row in zip(x, y, z, temperature, ph, strict=True)]
Path(__file__).with_name("sample.xyzv").write_text("\n".join(lines) + "\n", encoding="utf-8")
