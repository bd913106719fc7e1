"""Who is in a folder of textures, and how often each is drawn: scripts/recipes/weigh_textures.py."""

import csv

import numpy as np
import pytest
from commands import script
from PIL import Image

from clipface.photos.balance import MOST, even_weights
from clipface.photos.dataset import face_name

PALE, DARK = (225, 190, 170), (90, 62, 50)
PEOPLE = [  # file, age, gender, skin
    *((f"a/{n}.jpg", 25, "female", PALE) for n in range(6)),
    ("a/6.jpg", 70, "female", PALE),
    ("a/7.jpg", 25, "male", PALE),
    ("b/8.jpg", 55, "male", DARK),
    ("b/9.jpg", 25, "female", DARK),
]


@pytest.fixture
def folder(tmp_path):
    for file, _, _, skin in PEOPLE:
        path = tmp_path / "textures" / f"{face_name(file)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), skin, np.uint8)).save(path)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "person", "age", "gender"), *((*row[:1], "", *row[1:3]) for row in PEOPLE)]
        )
    return tmp_path


def weigh(folder, *more):
    labels = str(folder / "labels.csv")
    return script("recipes/weigh_textures").main(["--textures", str(folder / "textures"), "--labels", labels, *more])


def rows_of(folder):
    with (folder / "textures" / "faces.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_few_come_oftener_and_a_folder_may_only_be_mixed(folder):
    assert weigh(folder, "--mixed-only", "b", "--older", "b=10") == 0
    rows = rows_of(folder)
    assert len(rows) == len(PEOPLE)
    young, old, dark = (rows[face_name(PEOPLE[n][0])] for n in (0, 6, 8))
    assert float(old["weight"]) > float(young["weight"])
    assert (young["age_group"], old["age_group"], dark["age_group"]) == ("young", "old", "old")
    assert (old["sex"], dark["sex"]) == ("woman", "man") and young["skin"] != dark["skin"]
    assert (young["mixed_only"], dark["mixed_only"]) == ("0", "1")


def test_what_is_not_known_stays_empty(folder):
    (folder / "labels.csv").write_text("file,person,age,gender\na/0.jpg,,NA,\n")
    assert weigh(folder) == 0
    row = rows_of(folder)[face_name("a/0.jpg")]
    assert row["age_group"] == row["sex"] == "" and row["skin"]


def test_a_wrong_addition_is_named(folder, capsys):
    assert weigh(folder, "--older", "b=many") == 1
    assert "expected FOLDER=YEARS, got b=many" in capsys.readouterr().err


def test_weights_are_even_up_to_a_limit():
    rows = [{"sex": "woman" if n < 30 else "man", "age": "old" if n % 10 == 0 else "young"} for n in range(40)]
    weights = even_weights(rows, ("sex", "age"))
    women = weights[:30].sum() / weights.sum()
    assert (
        abs(women - 0.5) < 0.02
        and MOST * 1.2 >= weights.max()
        and weights.min() >= 0.8 / MOST
        and abs(weights.mean() - 1) < 1e-9
    )
    assert (even_weights([{"sex": ""}] * 3, ("sex",)) == 1).all()
