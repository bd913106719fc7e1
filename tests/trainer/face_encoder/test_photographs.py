"""Photographs with labels, as a face encoder learns from them."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image

from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.data.textures import read_textures
from clipface.guidance.contrastive import Agreement
from clipface.guidance.encoder import build_face_encoder
from clipface.head import load_head
from clipface.render import Renderer
from clipface.synthetic import Attributes, PaintedFaces, vocabulary
from clipface.synthetic.attributes import CHOICES
from trainer.face_encoder.balance import even_weights, skin_group
from trainer.face_encoder.config import PaintingConfig, PhotographsConfig
from trainer.face_encoder.data import EncoderFaces
from trainer.face_encoder.photographs import (
    UNKNOWN_OF_TEXTURES,
    Label,
    attributes_of,
    clear_unknown,
    read_images,
    read_labels,
    tell_smiles,
    validation_people,
    with_smile,
)
from trainer.face_encoder.scores import photograph_scores

HEADER = "file,person,age,gender,expression,prompt\n"
MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}
SIDE = 64
FILES = [f"a/{i:02d}.jpg" for i in range(12)]
FILES[1], FILES[10] = "london/011_03.jpg", "portraits/male_019.jpg"  # which the project's list keeps out of training
EXPRESSIONS = Path(__file__).parents[3] / "data" / "portrait_expressions.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Labels, textures and a data set of twelve people, of whom some are validation."""
    folder = tmp_path_factory.mktemp("photographs")
    rows = [f"{file},c{i},{20 + 6 * i},{('female', 'male')[i % 2]},{('neutral', 'smiling')[i // 6]},"
            for i, file in enumerate(FILES)]  # fmt: skip
    (folder / "labels.csv").write_text(HEADER + "\n".join(rows))
    (folder / "textures").mkdir()
    random = np.random.default_rng(0)
    for i, file in enumerate(FILES):
        skin = np.full((SIDE, SIDE, 3), 40 + 15 * i, np.uint8)
        Image.fromarray(skin).save(folder / "textures" / f"{file[:-4].replace('/', '_')}-0123abcd.png")
    head = load_head("open")
    painter = PaintedFaces(head, Renderer(head.faces, head.uv, head.uv_faces), SIDE)
    painted = painter.sample(12, torch.Generator().manual_seed(int(random.integers(9))), 32, background=0.3)
    return folder, painter, painted


@pytest.fixture(scope="module")
def dataset(folder):
    path, _, painted = folder
    create_dataset(path / "dataset", "open", {})
    writer = ShardWriter(path / "dataset", 0)
    parameters = {name: getattr(painted, name).numpy() for name in ("shape", "expression", "pose", "camera")}
    for i, file in enumerate(FILES):
        image, mask = (part[i].mul(255).round().byte().numpy() for part in (painted.image, painted.mask))
        mask[0, 15:18, 15:18] = 0  # an open mouth
        rows = {name: values[i] for name, values in parameters.items()}
        writer.add(Face(f"f{i}", image.transpose(1, 2, 0), mask[0], rows, source=file))
    writer.close()
    return path / "dataset"


def test_labels_tell_sex_age_group_and_whether_the_expression_is_known(tmp_path):
    rows = "x.jpg,7,64,female,smiling,\ny.jpg,,,male,,image of a 31-year-old man\nz.jpg,8,,male,,no age\n"
    (tmp_path / "l.csv").write_text(HEADER + rows)
    labels = read_labels([tmp_path / "l.csv"])
    assert labels["x.jpg"].face == Attributes(sex="woman", age="old", expression="smiling")
    assert labels["y.jpg"].face.age == "young" and not labels["y.jpg"].expression_known
    assert labels["y.jpg"].person == "y.jpg" and set(labels) == {"x.jpg", "y.jpg"}
    with pytest.raises(FileNotFoundError, match="labels"):
        read_labels([tmp_path / "none.csv"])
    (tmp_path / "m.csv").write_text("file,person\nx,1\n")
    with pytest.raises(ValueError, match="labels: expected columns file, person, age"):
        read_labels([tmp_path / "m.csv"])


def test_a_second_table_tells_expressions_of_which_the_first_is_silent(tmp_path):
    rows = [f"{name}.jpg,{name},30,male,{told}," for name, told in (("x", ""), ("y", "neutral"), ("z", ""))]
    (tmp_path / "l.csv").write_text(HEADER + "\n".join(rows))
    (tmp_path / "e.csv").write_text("file,expression\nx.jpg,smiling\ny.jpg,smiling\nnobody.jpg,neutral\n")
    labels = read_labels([tmp_path / "l.csv"], tmp_path / "e.csv")
    told = {file: (label.face.expression, label.expression_known) for file, label in labels.items()}
    assert told == {"x.jpg": ("smiling", True), "y.jpg": ("neutral", True), "z.jpg": ("neutral", False)}
    with pytest.raises(FileNotFoundError, match="expressions"):
        read_labels([tmp_path / "l.csv"], tmp_path / "none.csv")
    (tmp_path / "m.csv").write_text("file\nx.jpg\n")
    with pytest.raises(ValueError, match="expressions: expected columns file, expression"):
        read_labels([tmp_path / "l.csv"], tmp_path / "m.csv")


def test_the_shipped_expressions_are_of_different_files_and_known_words():
    with EXPRESSIONS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = [row["file"] for row in rows]
    assert len(files) > 100 and len(set(files)) == len(files) and all(files)
    assert {row["expression"] for row in rows} == {"neutral", "smiling"} < set(CHOICES["expression"])


def test_all_photographs_of_people_on_the_list_are_for_validation(tmp_path):
    rows = [
        "london/011_03.jpg,011,20,female,neutral,",
        "other/011.jpg,011,20,female,smiling,",
        "london/1.jpg,1,9,male,,",
    ]
    (tmp_path / "l.csv").write_text(HEADER + "\n".join(rows))
    assert validation_people(read_labels([tmp_path / "l.csv"])) == {"011"}


def test_several_tables_are_read_and_guessed_ages_corrected(tmp_path):
    (tmp_path / "l.csv").write_text(HEADER + "a/x.jpg,1,25,male,,")
    (tmp_path / "m.csv").write_text("file,person,age,gender\nb/y.jpg,2,25,male\nb/z.jpg,3,,male")
    labels = read_labels([tmp_path / "l.csv", tmp_path / "m.csv"], years_added={"b": 10})
    assert {file: label.face.age for file, label in labels.items()} == {"a/x.jpg": "young", "b/y.jpg": "adult"}


def test_a_fitted_smile_tells_an_expression_only_where_it_leaves_no_doubt():
    unknown = Label("x", "x", Attributes(sex="man"), False)
    assert [with_smile(unknown, smile).expression_known for smile in (0.0, 0.1, 0.4)] == [True, False, True]
    assert (
        with_smile(unknown, 0.4).face.expression == "smiling" and with_smile(unknown, 0.0).face.expression == "neutral"
    )
    known = unknown._replace(expression_known=True)
    assert with_smile(known, 0.4) == known


def test_fits_tell_smiles_but_not_of_people_for_validation(folder, dataset):
    labels = {file: Label(file, file, Attributes(), False) for file in FILES}
    told = tell_smiles(str(dataset), labels)
    assert any(label.expression_known for label in told.values())
    assert not any(told[file].expression_known for file in (FILES[1], FILES[10]))


def test_a_rare_kind_of_face_is_drawn_as_often_as_a_common_one():
    cells = ["man"] * 90 + ["woman"] * 10 + ["nobody"]
    weights = dict(zip(cells, even_weights(cells), strict=True))
    assert 90 * weights["man"] == pytest.approx(10 * weights["woman"]) and weights["nobody"] < 0.2


def test_skin_is_told_by_its_colour():
    skins = {"light": (226, 186, 165), "tan": (176, 128, 100), "dark": (88, 58, 44)}
    assert {name: skin_group(np.array([skin] * 9).T) for name, skin in skins.items()} == {name: name for name in skins}


def test_nobody_is_blamed_for_what_nobody_labelled():
    agreement = Agreement(16, CHOICES)
    face = Attributes(sex="man", beard="stubble")
    values = agreement.values([face])
    clear_unknown(values, agreement.columns, [face], UNKNOWN_OF_TEXTURES)
    value = lambda name, given: float(values[0, agreement.columns[name, given]])  # noqa: E731
    assert value("sex", "man") == value("beard", "stubble") == 1  # painted, so known
    assert value("skin", "fair") == value("makeup", "none") == value("freckles", False) == 0


def test_paint_goes_with_the_person_under_it(folder):
    label = read_labels([folder[0] / "labels.csv"])["a/00.jpg"]
    painted = attributes_of(label, Attributes(sex="man", beard="beard", moustache=True, wrinkles=True, look="zombie"))
    assert painted == replace(label.face, look="zombie")  # a young woman's face, without a beard or wrinkles


def test_skins_are_read_by_name_and_size(folder, tmp_path):
    names, textures = read_textures(folder[0] / "textures", 16)
    assert names[2] == "a_03-0123abcd" and textures.shape == (12, 3, 16, 16) and int(textures[2].max()) == 85
    with pytest.raises(FileNotFoundError, match="bake_texture"):
        read_textures(tmp_path, 16)
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="x.png"):
        read_textures(tmp_path, 16)
    Image.new("RGB", (8, 4)).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match="square"):
        read_textures(tmp_path, 16)


def test_chunks_hold_their_shares_and_follow_their_number(folder, dataset):
    path, painter, _ = folder
    encoder = build_face_encoder(MODEL, vocabulary())
    files = ([str(path / "labels.csv")], str(dataset), str(path / "textures"))
    config = PhotographsConfig(*files, share=0.25, photo_skin_share=0.5)
    faces = EncoderFaces(0, PaintingConfig(captions=2, size=32, texture_size=SIDE), config, painter, encoder)
    agreement = faces.count_agreement(8, torch.device("cpu"))
    first, again, other = (faces.chunk(number, 8, agreement) for number in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.images, other.images)
    known = first.values.sum(1)
    assert (known == len(CHOICES)).sum() == 3  # painted: all is known; 3 over textures, 2 photographs: not all
    assert first.images.shape == (8, 4, 32, 32)
    validation = {label.person for label in faces.validation_images.labels}
    assert validation and not validation & {label.person for label in (*faces.images.labels, *faces.textures.labels)}
    assert all(label.face.expression == "neutral" for label in faces.textures.labels)
    found = photograph_scores(encoder.eval(), faces.validation_images)
    names = ("photograph/sex", "photograph/age", "photograph/expression")
    assert set(found) == {*names, *(f"{name}_share" for name in names)}
    assert all(0 <= value <= 1 for value in found.values())


def test_a_photograph_is_shown_whole_and_as_the_face_alone(folder, dataset):
    labels = read_labels([folder[0] / "labels.csv"])
    images = read_images(str(dataset), labels, 32, validation=False)
    whole, face = images.images[0].float(), images.images[1].float()
    assert whole[3].min() == 255 and face[3].min() == 0 and face[3, 14:19, 14:19].min() == 255  # teeth are shown
    assert float((whole[:3] - face[:3])[:, face[3] == 255].abs().max()) <= 1
    assert float(face[:3][:, face[3] == 0].max()) == 0
    with pytest.raises(ValueError, match="expected images with a label"):
        read_images(str(dataset), {}, 32, validation=False)


def test_the_command_asks_of_people_who_are_kept_out(folder, dataset, tiny_files, capsys):
    words = ["--dataset", str(dataset), "--labels", str(folder[0] / "labels.csv"), "--guidance", "face"]
    script("measure/encoders").main([*words, "--device", "cpu"])
    out = capsys.readouterr().out
    other = tiny_files / "scoring_encoder.safetensors"
    script("measure/encoders").main([*words, "--device", "cpu", "--encoder-weights", f"face={other}"])
    assert capsys.readouterr().out.splitlines()[-3:] != out.splitlines()[-3:]
    assert "on 2 photographs (2 with a known smile)" in out
    assert [line.split()[1] for line in out.splitlines()[-3:]] == ["smile", "sex", "age"]
