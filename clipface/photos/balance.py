"""Who is in a folder of baked textures, and how often each is drawn, so that all kinds of people come evenly."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from clipface.data.labels import sex_of, years_of
from clipface.data.textures import TABLE, TABLE_COLUMNS, read_textures
from clipface.files import read_table, write_atomic
from clipface.metrics.skin import lightness_and_tone
from clipface.photos.dataset import face_name

AGE_GROUPS = {"young": 30, "adult": 45, "middle": 60, "old": 1000}  # years up to which
SKINS = {
    "dark": -15.0,
    "brown": 15.0,
    "medium": 38.0,
    "light": 1000.0,
}  # individual typology angle up to which, degrees
ROUNDS = 60  # of fitting the weights to even shares, one property after the other
MOST = 5.0  # how much oftener or seldomer than the mean a face comes: few are not shown all the time, none never
SMALL = 64  # texels a side, on which colours are measured


def write_faces(folder: Path, labels: Sequence[Path], mixed_only: Sequence[str], older: Sequence[str]) -> Path:
    """Write `faces.csv` into a folder of textures.

    Args:
        folder: of textures, named as `scripts/bake_texture.py` does.
        labels: CSV files.
        mixed_only: folders of photographs whose people may only appear mixed.
        older: `FOLDER=YEARS`, to be added to the ages in that folder.

    Returns:
        The file.

    Raises:
        FileNotFoundError, ValueError: if a file is missing or wrong.
    """
    names, textures = read_textures(folder, SMALL)
    years = dict(_years(text) for text in older)
    known = {face_name(row["file"]): row for path in labels for row in read_table(path, ("file", "gender"), "labels")}
    rows = [_face(name, known.get(name, {}), years) for name in names]
    for row, skin in zip(rows, skin_groups(textures), strict=True):
        row["skin"] = skin
        row["mixed_only"] = int(row["file"].split("/")[0] in mixed_only)
    for row, weight in zip(rows, even_weights(rows, ("age_group", "sex", "skin")), strict=True):
        row["weight"] = f"{weight:.4f}"
    text = io.StringIO()
    table = csv.DictWriter(text, TABLE_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return write_atomic(folder / TABLE, text.getvalue())


def _years(text: str) -> tuple[str, float]:
    folder, _, years = text.partition("=")
    try:
        return folder, float(years)
    except ValueError:
        raise ValueError(f"older: expected FOLDER=YEARS, got {text}") from None


def _face(name: str, label: dict[str, str], older: dict[str, float]) -> dict[str, str]:
    years = years_of(label, older.get(name.split("/")[0], 0))
    group = "" if years is None else next(group for group, limit in AGE_GROUPS.items() if years < limit)
    return {"file": name, "age_group": group, "sex": sex_of(label), "person": label.get("person") or name}


def skin_groups(textures: Tensor) -> list[str]:
    """Skin colour of textures [N, 3, R, R] uint8, by the typology angle of the middle of the face."""
    size = textures.shape[-1]
    middle = textures[..., size // 5 : size * 7 // 10, size // 4 : size * 3 // 4].flatten(2).float() / 255
    _, tone = lightness_and_tone(middle.median(2).values)
    return [next(name for name, limit in SKINS.items() if value < limit) for value in tone.tolist()]


def even_weights(rows: Sequence[dict[str, str]], names: Sequence[str]) -> np.ndarray:
    """Weights [N] of mean 1 under which every value of each property comes equally often.

    Args:
        rows: one for each face; an empty value is not known and not counted.
        names: the properties.

    Source: iterative proportional fitting (Deming, Stephan, 1940).
    """
    weights = np.ones(len(rows))
    for _ in range(ROUNDS):
        for name in names:
            values = np.array([row[name] for row in rows])
            kinds = sorted(set(values) - {""})
            share = weights[values != ""].sum() / max(1, len(kinds))
            for kind in kinds:
                weights[values == kind] *= share / weights[values == kind].sum()
        weights = np.clip(weights / weights.mean(), 1 / MOST, MOST)
    return weights / weights.mean()
