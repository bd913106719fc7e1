"""The recipe of people: who may only be mixed is never written, and heads follow textures."""

import csv

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image

from clipface import weights
from clipface.data import FaceBatch, write_faces
from clipface.edit.people import PEOPLE_FILE, People, find_people
from clipface.head import load_head
from clipface.texture.linear import LinearTextures
from scripts.recipes.people_build.blends import MIXED, MOST_COSINE, blended
from scripts.recipes.people_build.build import build
from scripts.recipes.people_build.regression import fit_directions, fit_shapes
from scripts.recipes.people_build.variety import CODES, SHAPES, varied

COUNT, KNOWN, SIDE = 60, 6, 8
COLUMNS = ("file", "weight", "mixed_only", "age_group", "sex", "skin", "person")


@pytest.fixture
def folder(tiny_files, tmp_path):
    """Textures, a data set, a linear model and a generator; the second half of the people may only be mixed."""
    random = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(3 * SIDE * SIDE, KNOWN, generator=random))[0].T * 1.5
    codes = torch.randn(COUNT, KNOWN, generator=random)
    linear = LinearTextures(torch.zeros(3, SIDE, SIDE), directions.view(KNOWN, 3, SIDE, SIDE))
    linear.save(tmp_path / "linear.safetensors", None, "of noise")
    images = (codes @ directions).view(COUNT, 3, SIDE, SIDE).repeat_interleave(2, 2).repeat_interleave(2, 3)
    (tmp_path / "textures").mkdir()
    rows, labels = [], []
    for number, image in enumerate(images):
        pixels = ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(tmp_path / "textures" / f"{number:06d}.png")
        sex = ("female", "male")[number % 2]
        rows.append(
            (f"{number:06d}", 1 + number % 3, int(number >= COUNT // 2), "young", sex, "light", f"p{number // 2}")
        )
        labels.append((f"{number:06d}.jpg", 20 + number, sex, ("neutral", "smiling")[number % 2]))
    write_table(tmp_path / "textures" / "faces.csv", COLUMNS, rows)
    write_table(tmp_path / "labels.csv", ("file", "age", "gender", "expression"), labels)
    shape = torch.zeros(COUNT, 10)
    shape[:, :4] = codes[:, :4] + 0.5 * torch.randn(COUNT, 4, generator=random)
    zeros = torch.zeros
    faces = FaceBatch(
        zeros(COUNT, 3, 8, 8), torch.ones(COUNT, 1, 8, 8), shape, zeros(COUNT, 6), zeros(COUNT, 6),
        torch.eye(4).expand(COUNT, -1, -1), zeros(COUNT, 3), zeros(COUNT, 6),
    )  # fmt: skip
    write_faces(tmp_path / "faces", [(faces, None)])
    return tmp_path


def write_table(path, columns, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def options_of(folder, tiny_files, *more):
    return script("recipes/build_people").parse(
        ["--textures", str(folder / "textures"), "--dataset", str(folder / "faces")]
        + ["--linear", str(folder / "linear.safetensors"), "--generator", str(tiny_files / "generator.safetensors")]
        + ["--out", str(folder / PEOPLE_FILE), *more]
    )


def test_the_table_is_written_without_anybody_who_may_only_be_mixed(folder, tiny_files):
    build(options_of(folder, tiny_files, "--note", "of volunteers"))
    people, notes = weights.load(folder / PEOPLE_FILE)
    linear, _ = weights.load(folder / "linear.safetensors")
    textures = torch.stack([
        torch.from_numpy(np.array(Image.open(folder / "textures" / f"{n:06d}.png").resize((SIDE, SIDE), Image.BOX)))
        for n in range(COUNT)
    ]).permute(0, 3, 1, 2).float() / 127.5 - 1  # fmt: skip
    codes = textures.flatten(1) @ linear["directions"].flatten(1).T / 1.5**2
    shown, hidden = codes[: COUNT // 2], codes[COUNT // 2 :]
    mean = people["weight"].float() @ people["codes"].float()
    written = mean + (people["codes"].float() - mean) / CODES
    torch.testing.assert_close(written[: COUNT // 2], shown, atol=0.02, rtol=0.02)
    blends = written[COUNT // 2 :]
    assert len(blends) == len(hidden) // 2
    for group in (hidden[::2], hidden[1::2]):  # women, men
        near = torch.cosine_similarity((blends - group.mean(0))[:, None], (group - group.mean(0))[None], dim=2)
        assert (near.max(1).values < MOST_COSINE + 0.01).sum() >= len(blends) // 2
    assert torch.cdist(blends, hidden).min() > 0.3
    assert people["weight"].sum() == pytest.approx(1, abs=0.01)
    assert people["weight"][: COUNT // 2].sum() == pytest.approx(0.5, abs=0.01)
    assert notes["note"] == "of volunteers" and not any("p3" in str(value) for value in notes.values())


def test_heads_of_sampled_people_follow_their_textures_and_are_more_various_than_the_fitted_ones(folder, tiny_files):
    build(options_of(folder, tiny_files, "--labels", str(folder / "labels.csv")))
    (folder / "generator.safetensors").write_bytes((tiny_files / "generator.safetensors").read_bytes())
    people = find_people(folder / "generator.safetensors", 16, load_head("open", tiny_files / "open_head.npz"))
    codes, shapes = (
        torch.stack(p) for p in zip(*(people.sample(np.random.default_rng(n)) for n in range(2000)), strict=True)
    )
    assert shapes.shape[1] == 4
    together = torch.corrcoef(torch.cat([codes[:, :4], shapes], 1).T)[:4, 4:].diagonal()
    assert (together > 0.4).all()
    assert ((shapes.std(0) - 1.12 * SHAPES).abs() < 0.3 * SHAPES).all()
    assert [slider["name"] for slider in people.sliders] == ["older", "feminine", "smiling", "darker"]


def test_people_are_moved_away_from_the_mean_one_but_no_lighter_or_darker():
    random = torch.Generator().manual_seed(0)
    darker = torch.tensor([[0.0, 3.0, 4.0]])
    people = People(
        torch.randn(50, 3, generator=random), torch.full((50,), 0.02), torch.arange(50), torch.ones(2),
        torch.randn(3, 2, generator=random), torch.eye(2), darker, torch.zeros(1, 1), [{"name": "darker"}],
    )  # fmt: skip
    further = varied(people)
    mean, along = people.codes.mean(0), darker[0] / 5
    torch.testing.assert_close(further.codes.mean(0), mean)
    torch.testing.assert_close(further.codes @ along, people.codes @ along)
    across = torch.tensor([[1.0, 0, 0], [0, 0.8, -0.6]])
    torch.testing.assert_close((further.codes - mean) @ across.T, CODES * (people.codes - mean) @ across.T)
    heads = [each.shape_mean + each.codes @ each.shape_weight for each in (people, further)]
    torch.testing.assert_close(heads[1].mean(0), heads[0].mean(0))
    assert heads[1].std(0).mean() > 1.15 * heads[0].std(0).mean()
    torch.testing.assert_close(further.shape_residual, SHAPES * people.shape_residual)


def test_a_blend_is_of_three_people_who_are_alike(folder):
    random = torch.Generator().manual_seed(1)
    codes, person = torch.randn(80, 40, generator=random), torch.arange(80) // 2
    groups = [("female" if n % 3 else "male", "rare" if n < 4 else "usual") for n in range(80)]
    _, rows, cosine = blended(codes, person, groups, 0)
    assert all(len({int(person[row]) for row in some}) == MIXED for some in rows)
    assert all(len({groups[row][0] for row in some}) == 1 for some in rows)
    assert cosine.max() < MOST_COSINE
    used = [row for some in rows for row in some]
    assert len(rows) <= 42 and max(used.count(row) for row in set(used)) < 10
    with pytest.raises(ValueError, match="mixed_only: expected 8"):
        blended(codes[:14], person[:14], groups[:14], 0)


def test_a_person_in_two_photographs_does_not_explain_themselves():
    """Heads that only depend on who it is: known people predict themselves, others nothing."""
    random = torch.Generator().manual_seed(0)
    person = torch.arange(200) // 2
    codes = torch.randn(100, 30, generator=random)[person] + 0.01 * torch.randn(200, 30, generator=random)
    shapes = torch.randn(100, 5, generator=random)[person]
    assert fit_shapes(codes, shapes, person, codes).explained < 0.1


def test_a_direction_is_one_labels_alone():
    random = torch.Generator().manual_seed(0)
    age, sex = 20 + 50 * torch.rand(500, generator=random), (torch.rand(500, generator=random) < 0.5).float()
    age = age + 15 * sex
    codes = torch.stack([age / 10, 2 * sex, torch.zeros(500)], 1) + 0.1 * torch.randn(500, 3, generator=random)
    age[::7] = torch.nan
    older, sexes = fit_directions(codes, torch.stack([age, sex], 1), [0, 1])
    torch.testing.assert_close(10 * older, torch.tensor([1.0, 0, 0]), atol=0.1, rtol=0)
    assert sexes[1] == pytest.approx(2, abs=0.1)
