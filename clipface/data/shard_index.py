"""What the index of a data set's archive has to say."""

from typing import Any


def check_index(record: dict[str, Any]) -> int:
    """Refuse an index that does not describe an archive.

    Returns:
        The archive's size, bytes.

    Raises:
        ValueError: saying what was expected.
    """
    size, faces, sizes = record.get("bytes"), record.get("faces"), record.get("sizes")
    if not _whole(size) or not isinstance(record.get("sources", {}), dict) or not isinstance(record.get("sha256"), str):
        raise ValueError("expected bytes, sha256 and sources")
    if not isinstance(sizes, dict) or not all(isinstance(s, list) and all(map(_whole, s)) for s in sizes.values()):
        raise ValueError("expected the sizes of parameters")
    if not isinstance(faces, list):
        raise ValueError("expected a list of faces")
    for number, face in enumerate(faces):
        if not isinstance(face, dict) or not isinstance(face.get("files"), dict):
            raise ValueError(f"face {number}: expected a name and files")
        texts = (face.get("name"), face.get("caption", ""), face.get("source", ""))
        files = face["files"]
        spans = [files.get(kind) for kind in ("mask.png", "npz", "jpg" if "jpg" in files else "png")]
        if not all(isinstance(text, str) for text in texts) or not all(_span(span, size) for span in spans):
            raise ValueError(f"face {number}: expected a name, and where its image, mask and parameters lie")
    return size


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _span(span: Any, size: int) -> bool:
    """Whether it is offset, size and maybe checksum of a file in an archive of a size."""
    return isinstance(span, list) and len(span) in (2, 3) and all(map(_whole, span)) and span[0] + span[1] <= size
