"""Every baseline network against its formula, written out in numpy loops at the same weights."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from sinr_geo.baselines.dip import DipSettings, Hourglass
from sinr_geo.baselines.finer import Finer, FinerSettings
from sinr_geo.baselines.fourier_features import FourierFeatures
from sinr_geo.baselines.gauss import Gauss
from sinr_geo.baselines.siren import Siren, SirenSettings
from sinr_geo.baselines.wire import Wire, WireSettings


def seeded():
    return torch.Generator().manual_seed(3)


def weights_of(network):
    """Weights and biases of all linear layers in order, as nested lists."""
    layers = [*network.layers, network.head]
    return [(layer.weight.tolist(), layer.bias.tolist()) for layer in layers]


def affine(weight, bias, z):
    rows = zip(weight, bias, strict=True)
    return [sum(w * v for w, v in zip(row, z, strict=True)) + b for row, b in rows]


def by_hand(network, encode, activate):
    """Evaluate layer by layer, number by number, at three places."""
    places = [[-0.7, 0.2], [0.0, 0.0], [0.31, -0.95]]
    out = []
    for place in places:
        z = encode(place)
        layers = weights_of(network)
        for weight, bias in layers[:-1]:
            z = [activate(a) for a in affine(weight, bias, z)]
        out.append(affine(*layers[-1], z))
    found = network(torch.tensor(places)).detach().numpy()
    return np.array(out), found


def same(place):
    return place


def test_siren():
    network = Siren(2, 5, 3, 2, 30.0, seeded())
    expected, found = by_hand(network, same, lambda a: math.sin(30.0 * a))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_finer():
    network = Finer(2, 5, 3, 2, 30.0, 4.0, seeded())
    expected, found = by_hand(network, same, lambda a: math.sin(30.0 * (abs(a) + 1.0) * a))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    first = network.layers[0].bias.abs()
    assert 1.0 / math.sqrt(2.0) < first.max() <= 4.0


def test_gauss():
    network = Gauss(2, 5, 3, 2, 0.3, seeded())
    expected, found = by_hand(network, same, lambda a: math.exp(-(a**2) / (2.0 * 0.3**2)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_wire():
    network = Wire(2, 5, 3, 2, 6.0, 2.0, seeded())
    expected, found = by_hand(network, same, lambda a: cmath.exp(1j * 6.0 * a - abs(2.0 * a) ** 2))
    np.testing.assert_allclose(found, expected.real, atol=1e-4)
    assert not network.layers[0].weight.is_complex()
    assert network.layers[1].weight.is_complex()
    assert np.abs(expected.imag).max() > 1e-2


def test_wavelets_far_out_vanish_and_do_not_blow_up():
    network = Wire(2, 5, 3, 2, 20.0, 10.0, seeded())
    with torch.no_grad():
        for layer in network.layers:
            layer.weight.mul_(5.0)
    expected, found = by_hand(
        network, same, lambda a: cmath.exp(1j * 20.0 * a - abs(10.0 * a) ** 2)
    )
    np.testing.assert_allclose(found, expected.real, atol=1e-3)


def test_fourier_features():
    frequencies, octaves = 4, 3.0

    def encode(place):
        unit = [(x + 1.0) / 2.0 for x in place]
        ladder = [2.0 ** (octaves * j / (frequencies - 1)) for j in range(frequencies)]
        cosines = [math.cos(2.0 * math.pi * f * v) for v in unit for f in ladder]
        return cosines + [math.sin(2.0 * math.pi * f * v) for v in unit for f in ladder]

    network = FourierFeatures(2, 5, 3, 2, frequencies, octaves, seeded())
    expected, found = by_hand(network, encode, lambda a: max(a, 0.0))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("layer", "bound"), [(0, 1 / 2), (1, math.sqrt(6 / 64) / 30)])
def test_sirens_initial_weights_are_sirens(layer, bound):
    network = SirenSettings(width=64).network(2, 3, seeded())
    weight = network.layers[layer].weight.abs()
    assert 0.9 * bound < weight.max() <= bound


def test_siren_and_wire_have_the_published_sizes():
    """Table 5 gives 0.786 Mb for SIREN with 31 outputs; WIRE's width 300 is halved in area."""
    siren = SirenSettings().network(2, 31, seeded())
    assert sum(p.numel() for p in siren.parameters()) * 4 / 2**20 == pytest.approx(0.786, abs=5e-4)
    assert WireSettings().network(2, 31, seeded()).head.in_features == 212
    assert FinerSettings().network(2, 31, seeded()).head.in_features == 256


def convolved(image, convolution, stride):
    """Convolution with reflection padding, by loops; image (c, rows, columns)."""
    weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
    outputs, inputs, kernel, _ = weight.shape
    around = kernel // 2
    _, rows, columns = image.shape

    def mirrored(index, size):
        index = abs(index)
        return index if index < size else 2 * (size - 1) - index

    heights, widths = range(0, rows, stride), range(0, columns, stride)
    out = np.zeros((outputs, len(heights), len(widths)))
    for o in range(outputs):
        for y, row in enumerate(heights):
            for x, column in enumerate(widths):
                total = bias[o]
                for i in range(inputs):
                    for dy in range(kernel):
                        for dx in range(kernel):
                            r = mirrored(row + dy - around, rows)
                            c = mirrored(column + dx - around, columns)
                            total += weight[o, i, dy, dx] * image[i, r, c]
                out[o, y, x] = total
    return out


def normalised(image, norm):
    gain, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    out = np.empty_like(image)
    for i, band in enumerate(image):
        out[i] = gain[i] * (band - band.mean()) / math.sqrt(band.var() + 1e-5) + shift[i]
    return out


def block_by_hand(block, image, stride=1):
    convolution, norm, _ = block
    z = normalised(convolved(image, convolution, stride), norm)
    return np.where(z > 0, z, 0.2 * z)


def grown(image, rows, columns):
    """Bilinear interpolation with pixel centres at (i + 0.5) / size."""
    out = np.empty((len(image), rows, columns))
    old_rows, old_columns = image.shape[1:]
    for y in range(rows):
        for x in range(columns):
            r = max((y + 0.5) * old_rows / rows - 0.5, 0.0)
            c = max((x + 0.5) * old_columns / columns - 0.5, 0.0)
            top, left = int(r), int(c)
            bottom, right = min(top + 1, old_rows - 1), min(left + 1, old_columns - 1)
            down, across = r - top, c - left
            upper = (1 - across) * image[:, top, left] + across * image[:, top, right]
            lower = (1 - across) * image[:, bottom, left] + across * image[:, bottom, right]
            out[:, y, x] = (1 - down) * upper + down * lower
    return out


def test_the_deep_image_prior():
    torch.manual_seed(0)
    network = Hourglass(3, 4, 2, 2, 2)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
    noise = torch.rand(1, 3, 9, 8)
    z = noise[0].numpy().astype(float)
    skipped = []
    for skip, down in zip(network.skips, network.downs, strict=True):
        skipped.append(block_by_hand(skip, z))
        z = block_by_hand(down[3:], block_by_hand(down[:3], z, stride=2))
    for beside, up in zip(skipped[::-1], list(network.ups)[::-1], strict=True):
        z = np.concatenate((beside, grown(z, *beside.shape[1:])))
        z = block_by_hand(up[4:], block_by_hand(up[1:4], normalised(z, up[0])))
    expected = convolved(z, network.head, 1)
    found = network(noise)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_deep_image_prior_is_about_as_large_as_the_others():
    sizes = DipSettings()
    network = Hourglass(sizes.inputs, sizes.width, sizes.skip, 31, sizes.scales)
    siren = SirenSettings().network(2, 31, seeded())
    parameters = [sum(p.numel() for p in n.parameters()) for n in (network, siren)]
    assert abs(parameters[0] / parameters[1] - 1.0) < 0.1
