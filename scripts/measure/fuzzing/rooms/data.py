"""Data sets of faces, and the tables, lists and rules that they are made by."""

import json
import zipfile
from pathlib import Path

import numpy as np

from clipface import files
from clipface.data.distribution import FitDistribution
from clipface.data.faces import MaskedFaces
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.fit.face_points import read_face_points
from clipface.photos.attributes import AttributeRule, FaceAttributes
from clipface.photos.folder import examine_folder
from clipface.photos.prepare import read_rule
from clipface.photos.sources import Source, listed, read_people
from clipface.synthetic.words.trained_phrases import read_phrases

from .. import lies, text_lies, tiny
from ..reader import Reader


def write_dataset(path: Path) -> None:
    """A data set of two faces."""
    create_dataset(path, "open", {"size": tiny.SIZE})
    writer, random, size = ShardWriter(path, 0), np.random.default_rng(0), tiny.SIZE
    for number in range(2):
        image = random.integers(0, 255, (size, size, 3), np.uint8)
        parameters = {"shape": np.zeros(4), "expression": np.zeros(4), "pose": np.zeros(6), "camera": np.eye(4)}
        parameters = {name: array.astype(np.float32) for name, array in parameters.items()}
        mask = np.full((size, size), 255, np.uint8)
        writer.add(Face(f"face{number}", image, mask, parameters, source=f"{number}.jpg"))
    writer.close({"sources": {}})


def _whole_set(path: Path) -> object:
    faces = MaskedFaces(path, tiny.SIZE)
    return [faces[number] for number in range(len(faces))]


def _attributes(path: Path) -> None:
    """A zip of attributes."""
    face = {"faceRectangle": {"width": 9, "height": 9}, "faceAttributes": {"glasses": "NoGlasses", "accessories": []}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"json/{number:05d}.json", json.dumps([face]))


def _read_attributes(path: Path) -> object:
    found = FaceAttributes(path)
    return [found.reason(f"{number:05d}", AttributeRule()) for number in range(len(found))]


def write_distribution(path: Path) -> None:
    """The distribution of 20 heads."""
    random = np.random.default_rng(0)
    heads = {"shape": 4, "expression": 4, "pose": 6, "eye_pose": 6, "translation": 2}
    arrays = {name: random.normal(size=(20, size)) for name, size in heads.items()}
    FitDistribution.fit(arrays | {"scale": 1 + random.random(20)}, np.ones(4, bool)).save(path)


def _face_points(path: Path) -> None:
    from clipface import assets

    path.write_bytes(assets.resolve("face_points").read_bytes())


def _examined(path: Path) -> None:
    """Two examined photographs, as they are kept between two programs."""
    np.savez(
        path, files=np.array(["a.jpg", "b.jpg"]), crops=np.zeros((2, 8, 8, 3), np.uint8),
        points=np.zeros((2, 478, 3), np.float32), person=np.zeros((2, 8, 8), np.uint8), inside=np.ones((2, 8, 8), bool),
    )  # fmt: skip


def _people(path: Path) -> None:
    """Who is on which photograph."""
    path.write_text("file,person\na.jpg,anna\nb.jpg,bo\n", encoding="utf-8")


def _phrases(path: Path) -> None:
    path.write_text("attribute,value,phrase\nage,old,an elderly face\nage,young,a youth\n", encoding="utf-8")


def _listed(path: Path) -> object:
    return listed([Source("file,person", 1, 1)], path)


def _rule(path: Path) -> None:
    path.write_text("least_face: 200\nmost_yaw: 40\nattributes: {unknown: keep}\n", encoding="utf-8")


READERS = (
    Reader("data sets", "faces", write_dataset, _whole_set, None,
           ((".json", text_lies.documents), (".tar", lies.nothing))),
    Reader("distributions", "distribution.npz", write_distribution, FitDistribution.load, lies.npz),
    Reader("face points", "points.npz", _face_points, read_face_points, lies.npz),
    Reader("examined photographs", "examined.npz", _examined,
           lambda path: examine_folder(path.parent, path).tensors([0, 1]), lies.npz),
    Reader("attributes", "attributes.zip", _attributes, _read_attributes, lies.archives),
    Reader("tables of people", "people.csv", _people, read_people, text_lies.texts),
    Reader("tables of phrases", "phrases.csv", _phrases, read_phrases, text_lies.texts),
    Reader("lists", "list.txt", _people, files.read_list, text_lies.texts),
    Reader("lists of photographs", "list.txt", _people, _listed, text_lies.texts),
    Reader("filter rules", "rule.yaml", _rule, lambda path: read_rule(str(path)), text_lies.yamls),
)  # fmt: skip
