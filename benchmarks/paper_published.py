"""What the S-INR paper (Li et al., ECCV 2024) prints in its tables."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ABLATION", "METHODS", "STANDS_FOR", "TABLES", "published"]

METHODS: Mapping[str, str] = {
    "DIP": "dip",
    "Fourier": "fourier",
    "Gauss": "gauss",
    "SIREN": "siren",
    "WIRE": "wire",
    "DT": "dt",
    "KNR": "knr",
    "RF": "rf",
    "S-INR": "sinr-paper",
}
"""The paper's names, and ours for ``--method``."""

_POINTS = ("DT", "KNR", "RF", "SIREN", "S-INR")
_CUBES = ("Fourier", "Gauss", "SIREN", "WIRE", "S-INR")

TABLES: Mapping[int, tuple[str, ...]] = {
    1: ("DIP", *_CUBES),
    2: _CUBES,
    3: _CUBES,
    4: _POINTS,
    5: ("SIREN", "S-INR"),
}
"""Methods of every table."""

STANDS_FOR: Mapping[str, str] = {
    "kodim24": "kodim",
    "samson": "pavia",
    "enmap": "pavia",
    "cave_missing": "mor",
    "cave_noise": "lehavim",
    "weather": "weather-63-157",
    "scene1": "scene1",
}
"""Data of ours, and the paper's that is printed beside it."""

ABLATION: Mapping[str, tuple[float, float, float]] = {
    "pixels": (29.348, 0.745, 0.786),
    "superpixels": (31.475, 0.817, 0.741),
    "superpixels, dictionary": (31.997, 0.818, 0.797),
    "superpixels, attention": (31.012, 0.787, 0.902),
    "superpixels, attention, dictionary": (32.394, 0.831, 0.995),
}
"""Table 5: PSNR, SSIM and parameters in MiB."""

_BY_METHOD: Mapping[tuple[str, str, str], str] = {
    ("kodim", "mean", "psnr"): "30.154 32.101 30.188 33.052 33.199 36.077",
    ("kodim", "mean", "ssim"): "0.882 0.899 0.862 0.932 0.918 0.965",
    ("pavia", "mean", "psnr"): "36.283 37.982 36.413 37.727 38.455 39.102",
    ("pavia", "mean", "ssim"): "0.919 0.935 0.923 0.937 0.941 0.949",
    ("mor", "0.025", "psnr"): "27.835 28.064 27.918 28.087 29.068",
    ("mor", "0.025", "ssim"): "0.801 0.808 0.763 0.804 0.823",
    ("mor", "0.05", "psnr"): "31.017 31.026 30.929 31.609 32.281",
    ("mor", "0.05", "ssim"): "0.886 0.895 0.860 0.897 0.900",
    ("lehavim", "0.15", "psnr"): "32.514 32.853 30.536 33.196 33.696",
    ("lehavim", "0.15", "ssim"): "0.832 0.856 0.784 0.863 0.867",
    ("lehavim", "0.2", "psnr"): "31.333 31.303 29.348 30.123 32.394",
    ("lehavim", "0.2", "ssim"): "0.796 0.819 0.745 0.792 0.831",
    ("weather-63-157", "mean", "nrmse"): "0.101 0.072 0.076 0.078 0.058",
    ("weather-63-157", "mean", "r2"): "0.698 0.849 0.829 0.818 0.900",
    ("weather-61-141", "mean", "nrmse"): "0.149 0.099 0.111 0.096 0.070",
    ("weather-61-141", "mean", "r2"): "0.484 0.766 0.712 0.776 0.877",
    ("weather-62-149", "mean", "nrmse"): "0.131 0.093 0.099 0.093 0.062",
    ("weather-62-149", "mean", "r2"): "0.486 0.739 0.705 0.741 0.889",
    ("scene1", "mean", "nrmse"): "0.171 0.112 0.107 0.109 0.074",
    ("scene1", "mean", "r2"): "0.703 0.868 0.880 0.878 0.944",
    ("scene2", "mean", "nrmse"): "0.126 0.093 0.090 0.090 0.063",
    ("scene2", "mean", "r2"): "0.761 0.867 0.875 0.886 0.945",
    ("scene3", "mean", "nrmse"): "0.141 0.094 0.092 0.087 0.060",
    ("scene3", "mean", "r2"): "0.721 0.874 0.879 0.885 0.945",
}
_ORDER = {6: TABLES[1]} | {5: _CUBES}


def published(data: str, case: str, method: str, metric: str) -> float | None:
    """Return the paper's figure, that of the scene which `data` stands for; None if it has none."""
    scene = STANDS_FOR.get(data, data)
    figures = _BY_METHOD.get((scene, case, metric))
    if figures is None:
        return None
    numbers = [float(number) for number in figures.split()]
    order = _POINTS if metric in ("nrmse", "r2") else _ORDER[len(numbers)]
    return dict(zip(order, numbers, strict=True)).get(method)
