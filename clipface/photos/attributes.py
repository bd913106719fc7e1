"""Attribute files of the public FFHQ features set: which photographs they exclude.

For each image a JSON list with one entry a face; method and names are those of the service that made them:
`faceAttributes.glasses` (NoGlasses, ReadingGlasses, Sunglasses, SwimmingGoggles) and `.accessories`, a list of {type:
headwear | glasses | mask, confidence}.
"""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from clipface.documents import parse_json
from clipface.files import regular

MOST_BYTES = 1 << 20  # of a file; a face takes 2,000


@dataclass
class AttributeRule:
    """What attribute files must say; the defaults are the paper's (ClipFace, section 4): no glasses, headwear or mask.

    Of the 70,000 images of FFHQ it keeps 51,931.
    """

    glasses: list[str] = field(default_factory=lambda: ["NoGlasses"])  # kinds that are kept; empty: all
    accessories: list[str] = field(default_factory=lambda: ["headwear", "glasses", "mask"])  # kinds that are dropped
    least_confidence: float = 0.0  # of an accessory, to count
    unknown: str = "drop"  # drop, keep: an image whose file is empty, damaged or missing


class FaceAttributes:
    """Attribute files by the name of their image, read one by one when asked for.

    Args:
        path: a folder (searched with all below it) or a zip file.

    Raises:
        FileNotFoundError: if there is no such folder or file, or no JSON in it.
        ValueError: if the zip file is damaged, or two files have one name.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._archive: zipfile.ZipFile | None = None
        if self.path.is_dir():
            names = [p.relative_to(self.path).as_posix() for p in sorted(self.path.rglob("*.json"))]
        else:
            regular(self.path, "attributes", "give a folder or zip of JSON files")
            try:
                self._archive = zipfile.ZipFile(self.path)
            except Exception as error:  # a directory that lies fails in as many ways as it can
                raise ValueError(f"attributes: {self.path} is no zip file or cut off ({error})") from error
            names = [name for name in self._archive.namelist() if name.endswith(".json")]
        self._files: dict[str, str] = {}
        for name in names:
            stem = PurePosixPath(name).stem
            if stem in self._files:
                raise ValueError(f"attributes: expected one file for each image, got {self._files[stem]} and {name}")
            self._files[stem] = name
        if not self._files:
            raise FileNotFoundError(f"attributes: {self.path} holds no JSON files")

    def __len__(self) -> int:
        return len(self._files)

    def faces(self, stem: str) -> list[dict[str, Any]]:
        """Attributes of each face in an image, the largest first.

        Args:
            stem: the image's name without folder and suffix.

        Raises:
            KeyError: if there is no file for it.
            ValueError: if the file is damaged.
        """
        name = self._files[stem]
        try:
            faces = parse_json(self._content(name))
            return [face["faceAttributes"] for face in sorted(faces, key=_largest_first)]
        except Exception as error:  # zip, zlib and JSON that is shaped otherwise each raise their own
            raise ValueError(f"{name}: no attribute file or damaged ({error})") from error

    def _content(self, name: str) -> bytes:
        if self._archive is None:
            path = regular(self.path / name, "attributes")
            size = path.stat().st_size
        else:
            size = self._archive.getinfo(name).file_size
        if size > MOST_BYTES:
            raise ValueError(f"expected at most {MOST_BYTES} bytes, got {size}")
        return path.read_bytes() if self._archive is None else self._archive.read(name)

    def reason(self, stem: str, rule: AttributeRule) -> str | None:
        """Why an image is to be dropped.

        Returns:
            The reason to drop it, its kind before the colon, or None.
        """
        try:
            faces = self.faces(stem)
            if faces:
                return _reason(faces[0], rule)
            why = "the file lists no face"
        except KeyError:
            why = "there is no file for this image"
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            why = str(error)
        return None if rule.unknown == "keep" else f"attributes unknown: {why}"


def _largest_first(face: dict[str, Any]) -> float:
    box = face.get("faceRectangle", {})
    return -box.get("width", 0) * box.get("height", 0)


def _reason(face: dict[str, Any], rule: AttributeRule) -> str | None:
    glasses = face.get("glasses", "NoGlasses")
    if rule.glasses and glasses not in rule.glasses:
        return f"eyewear: {glasses} (attributes)"
    for accessory in face.get("accessories", []):
        kind, confidence = accessory.get("type"), accessory.get("confidence", 1.0)
        if kind in rule.accessories and confidence >= rule.least_confidence:
            return f"{'eyewear' if kind == 'glasses' else kind}: {confidence:.2f} (attributes)"
    return None
