"""Attribute files of the FFHQ features set: found by name in a folder or zip, judged by the paper's rule."""

import json
import zipfile

import pytest

from clipface.photos.attributes import AttributeRule, FaceAttributes


def entry(glasses="NoGlasses", worn=(), width=60):
    accessories = [{"type": kind, "confidence": confidence} for kind, confidence in worn]
    return {
        "faceRectangle": {"top": 1, "left": 1, "width": width, "height": width},
        "faceAttributes": {"glasses": glasses, "accessories": accessories, "age": 30.0},
    }


FILES = {
    "00000": json.dumps([entry()]),
    "00001": json.dumps([entry("ReadingGlasses", [("glasses", 0.99)])]),
    "00002": json.dumps([entry(worn=[("headwear", 0.7)])]),
    "00003": json.dumps([entry(worn=[("mask", 0.9)])]),
    "00004": "[]",
    "00005": "[{",
    "00006": json.dumps([entry("Sunglasses", width=20), entry()]),  # somebody small behind wears sunglasses
    "00007": json.dumps({"faceAttributes": {}}),
    "00008": json.dumps([{"faceAttributes": "none"}]),
    "00009": json.dumps([entry(worn=[("glasses", 0.4)])]),
}
REASONS = {
    "00000": None, "00001": "eyewear: ReadingGlasses", "00002": "headwear: 0.70", "00003": "mask: 0.90",
    "00004": "attributes unknown: the file lists no face", "00005": "attributes unknown: json/00005.json",
    "00006": None, "00007": "attributes unknown", "00008": "attributes unknown", "00009": "eyewear: 0.40",
    "absent": "attributes unknown: there is no file",
}  # fmt: skip


@pytest.fixture(params=["folder", "zip"])
def attributes(request, tmp_path):
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "features.zip", "w") as archive:
            for name, content in FILES.items():
                archive.writestr(f"json/{name}.json", content)
        return FaceAttributes(tmp_path / "features.zip")
    (tmp_path / "json").mkdir()
    for name, content in FILES.items():
        (tmp_path / "json" / f"{name}.json").write_text(content)
    return FaceAttributes(tmp_path)


def test_the_paper_s_rule(attributes):
    assert len(attributes) == len(FILES)
    for name, reason in REASONS.items():
        found = attributes.reason(name, AttributeRule())
        assert found is None if reason is None else found is not None and found.startswith(reason), (name, found)


def test_another_rule(attributes):
    rule = AttributeRule(glasses=[], accessories=["headwear", "glasses"], least_confidence=0.5, unknown="keep")
    dropped = {name for name in REASONS if attributes.reason(name, rule) is not None}
    assert dropped == {"00001", "00002"}


def test_what_cannot_be_used_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        FaceAttributes(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no JSON"):
        FaceAttributes(tmp_path)
    (tmp_path / "cut.zip").write_bytes(b"PK cut off")
    with pytest.raises(ValueError, match="no zip file"):
        FaceAttributes(tmp_path / "cut.zip")
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "00000.json").write_text("[]")
    with pytest.raises(ValueError, match="a/00000.json and b/00000.json"):
        FaceAttributes(tmp_path)
