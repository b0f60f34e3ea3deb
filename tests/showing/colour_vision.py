"""Models of how people see colors, color-blind or not, and of how different two colors look."""

import numpy as np

SEEN_AS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Matrices from linear RGB to linear RGB as seen (Machado, Oliveira and Fernandes 2009, severity 1)."""

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour):
    """Return the linear RGB values, 0 to 1, of a hexadecimal color."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast of two colors as defined by WCAG, 1 to 21."""
    dark, light = sorted(float(_TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(colour, vision="normal"):
    """Return the CIELAB coordinates (lightness, a, b) of a color as it is seen."""
    seen = np.clip(SEEN_AS[vision] @ linear(colour), 0, 1)
    x, y, z = _cube_root(_TO_XYZ @ seen / _WHITE)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(xyz):
    return np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)


def distance(one, other):
    """Return the CIEDE2000 distance between two colors, each given as (lightness, a, b)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(c7 / (c7 + 25**7))
    c1, h1 = _polar(a1 * stretch, b1)
    c2, h2 = _polar(a2 * stretch, b2)
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    light, chroma, hue = (l1 + l2) / 2, (c1 + c2) / 2, h1 + turn / 2
    if not c1 * c2:
        hue = h1 + h2
    by_light = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(c1 * c2) * _sin(turn / 2) / (1 + 0.015 * chroma * _hue_weight(hue))
    rotation = -_sin(60 * np.exp(-(((hue % 360 - 275) / 25) ** 2)))
    rotation *= 2 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    return float(np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue))


def _polar(a, b):
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _hue_weight(hue):
    cosines = [_cos(hue - 30), _cos(2 * hue), _cos(3 * hue + 6), _cos(4 * hue - 63)]
    return 1 + np.dot([-0.17, 0.24, 0.32, -0.20], cosines)


def _sin(degrees):
    return np.sin(np.radians(degrees))


def _cos(degrees):
    return np.cos(np.radians(degrees))
