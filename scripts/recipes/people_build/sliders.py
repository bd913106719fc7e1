"""What sliders add to a code: regressed on the photographs' labels."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipface.files import read_table

from .photographs import Photographs
from .regression import fit_directions

HASH = re.compile(r"-[0-9a-f]{8}$")  # that prepare_photos.py adds to a photograph's name
SLIDERS: list[dict[str, Any]] = [
    {"name": "older", "unit": "years", "step": 20.0, "most": 40.0},
    {"name": "feminine", "unit": "from man (0) to woman (1)", "step": 1.0, "most": 2.0},
    {"name": "smiling", "unit": "from neutral (0) to smiling (1)", "step": 1.0, "most": 2.0},
    {"name": "darker", "unit": "standard deviations of the skin's lightness", "step": 1.0, "most": 2.0},
]


def slider_directions(photographs: Photographs, files: Sequence[Path]) -> Tensor:
    """Directions [D, K] of `SLIDERS` in the space of codes.

    Args:
        photographs: their codes, sources and skins.
        files: tables of labels, by photograph.
    """
    rows = {Path(row["file"]).with_suffix("").as_posix(): row for file in files for row in read_table(file, ("file",))}
    labels = [rows.get(HASH.sub("", name), {}) for name in photographs.names]
    columns = [
        [_number(row.get("age")) for row in labels],
        [{"female": 1.0, "male": 0.0}.get(row.get("gender", ""), float("nan")) for row in labels],
        [{"smiling": 1.0, "neutral": 0.0}.get(row.get("expression", ""), float("nan")) for row in labels],
        photographs.darkness.tolist(),
    ]
    sources = [Path(name).parent.as_posix() for name in photographs.names]
    columns += [[float(source == other) for source in sources] for other in sorted(set(sources))[1:]]
    return fit_directions(photographs.codes, torch.tensor(columns).T, range(len(SLIDERS)))


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
