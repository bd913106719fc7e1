"""What sliders add to a code, and to a face's expression: regressed on the photographs' labels."""

import re
from collections import defaultdict
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
SMILING = 2  # column of the labels; it alone moves the expression
# Smiles that are left in all codes once the labels' are taken out, in the slider's units, by looking at random heads:
# most labels are guesses by fitted heads, so the regression falls short, and corners of mouths stayed lifted.
SMILE_LEFT = 0.8
SEX, EXPRESSION = {"female": 1.0, "male": 0.0}, {"smiling": 1.0, "neutral": 0.0}


def read_labels(photographs: Photographs, files: Sequence[Path]) -> Tensor:
    """Labels [N, 4] in the order and the units of `SLIDERS`; NaN where there is none.

    Args:
        photographs: their names, skins and fitted expressions; these say how much those without a label smile.
        files: tables of labels, by photograph.
    """
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for row in (row for file in files for row in read_table(file, ("file",), "labels")):
        rows[Path(row["file"]).with_suffix("").as_posix()].update({name: text for name, text in row.items() if text})
    found = [rows[HASH.sub("", name)] for name in photographs.names]
    columns = [
        [_number(row.get("age")) for row in found],
        [SEX.get(row.get("gender", ""), float("nan")) for row in found],
        [EXPRESSION.get(row.get("expression", ""), float("nan")) for row in found],
        photographs.darkness.tolist(),
    ]
    labels = torch.tensor(columns).T.clone()
    smile, expressions = labels[:, SMILING], photographs.expressions
    if (smile == 0).any() and (smile == 1).any():
        neutral = expressions[smile == 0].mean(0)
        change = expressions[smile == 1].mean(0) - neutral
        degree = (expressions - neutral) @ change / change.square().sum().clamp_min(1e-12)
        labels[:, SMILING] = torch.where(smile.isfinite(), smile, degree.clamp(0, 1))
    return labels


def fit_sliders(photographs: Photographs, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Directions of `SLIDERS` in the space of codes [D, K] and of expressions [D, E], while the sources stay."""
    sources = [Path(name).parent.as_posix() for name in photographs.names]
    columns = [torch.tensor([float(source == other) for source in sources]) for other in sorted(set(sources))[1:]]
    table, wanted = torch.cat([labels, *(column[:, None] for column in columns)], 1), range(len(SLIDERS))
    expressions = torch.zeros(len(SLIDERS), photographs.expressions.shape[1])
    expressions[SMILING] = fit_directions(photographs.expressions, table, [SMILING])[0]
    return fit_directions(photographs.codes, table, wanted), expressions


def without_smile(photographs: Photographs, labels: Tensor, directions: Tensor) -> Photographs:
    """The same photographs with the codes of neutral faces: random people begin without an expression."""
    smile = labels[:, SMILING].nan_to_num(0.0) + SMILE_LEFT
    return photographs._replace(codes=photographs.codes - smile[:, None] * directions[SMILING])


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
