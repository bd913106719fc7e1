"""Colours that look right after the browser's tone mapping.

viser draws through three.js's ACESFilmicToneMapping, which would make skin paler and shadows darker than they are in
the texture. The texture is sent as what that curve turns into the wanted colours.
"""

import numpy as np

HEADROOM = 2.0  # the head is sent this many times too dark and its vertex colours make up for it: the curve wants > 1
_EXPOSURE = 1 / 0.6  # three.js's, before the curve
# Source: three.js (MIT), tonemapping_pars_fragment.glsl, after Stephen Hill's fit of ACES.
_IN = np.array([[0.59719, 0.35458, 0.04823], [0.07600, 0.90834, 0.01566], [0.02840, 0.13383, 0.83777]])
_OUT = np.array([[1.60475, -0.53108, -0.07367], [-0.10208, 1.10813, -0.00605], [-0.00327, -0.07276, 1.07602]])
_A, _B, _C, _D, _E = 0.0245786, 0.000090537, 0.983729, 0.4329510, 0.238081  # of the curve (v(v+A)-B)/(v(Cv+D)+E)
_LEVELS = 256
_TABLE = np.arange(_LEVELS) / (_LEVELS - 1)
_LINEAR = np.where(_TABLE <= 0.04045, _TABLE / 12.92, ((_TABLE + 0.055) / 1.055) ** 2.4).astype(np.float32)
_FINE = 4096  # steps of the table from linear to displayed values
_STEPS = np.arange(_FINE + 1) / _FINE
_DISPLAYED = np.where(_STEPS <= 0.0031308, 12.92 * _STEPS, 1.055 * _STEPS ** (1 / 2.4) - 0.055)
_DISPLAYED = np.round(255 * _DISPLAYED).astype(np.uint8)
_BACK_IN, _BACK_OUT = (np.linalg.inv(matrix).T.astype(np.float32) for matrix in (_IN, _OUT))


def before_tone_mapping(colours: np.ndarray) -> np.ndarray:
    """What to send so that the browser shows `colours`.

    Args:
        colours: [..., 3] uint8, as they are to be displayed. The curve reaches no grey lighter than 242.

    Returns:
        [..., 3] uint8, to be drawn `HEADROOM` times brighter (in linear light).
    """
    mapped = _LINEAR[colours] @ _BACK_OUT
    mapped = np.clip(mapped, 0, 0.95 / _C)
    # The curve backwards: the positive root of (1 - C y) v² + (A - D y) v - (B + E y) = 0.
    square, linear, constant = 1 - _C * mapped, _A - _D * mapped, -(_B + _E * mapped)
    fitted = (-linear + np.sqrt(linear * linear - 4 * square * constant)) / (2 * square)
    sent = (fitted @ _BACK_IN) / (_EXPOSURE * HEADROOM)
    return _DISPLAYED[(np.clip(sent, 0, 1) * _FINE + 0.5).astype(np.int32)]


def tone_mapped(colours: np.ndarray) -> np.ndarray:
    """What the browser shows of colours [..., 3] uint8 that are drawn `HEADROOM` times brighter; for tests."""
    linear = HEADROOM * _EXPOSURE * (_LINEAR[colours] @ _IN.T)
    fitted = (linear * (linear + _A) - _B) / (linear * (_C * linear + _D) + _E)
    return _DISPLAYED[(np.clip(fitted @ _OUT.T, 0, 1) * _FINE + 0.5).astype(np.int32)]
