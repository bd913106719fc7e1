"""What a tab may send: messages of viser's page, whose types are checked before viser acts on them.

viser casts what arrives to the type that a widget has, or fails, with a traceback in the terminal; it also sets
whichever of a widget's properties it is told to. A page sends values alone.
"""

import math
from typing import Annotated, Any, Literal

MOST_PIXELS = 2**26  # of a canvas; two screens of 8K
FARTHEST = 1e4  # metres
LONGEST_TEXT = 2**16  # characters of a value; files have messages of their own
SHORTEST = 1e-6  # metres between a camera and what it looks at, and of what its upward direction has across that


def checker() -> "Checker":
    """Make what checks messages; imports msgspec, which comes with viser."""
    import msgspec

    text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
    number = Annotated[float, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]
    vector, pixels = tuple[number, number, number], Annotated[float, msgspec.Meta(ge=0, le=MOST_PIXELS)]
    place = tuple[float, float]
    modifier = str | None
    fields = {
        "ViewerCameraMessage": {
            "wxyz": tuple[number, number, number, number], "position": vector, "fov": number, "near": float,
            "far": float, "image_height": pixels, "image_width": pixels, "look_at": vector, "up_direction": vector,
        },
        "GuiUpdateMessage": {"uuid": text, "updates": dict[Literal["value"], Any]},
        "GuiFormSubmitMessage": {"uuid": text},
        "GuiFormDirtyMessage": {"uuid": text},
        "GuiButtonHoldMessage": {"uuid": text, "frequency": float},
        "CommandTriggerMessage": {"uuid": text},
        "ScenePointerMessage": {
            "event_type": Literal["click", "rect-select"], "ray_origin": vector | None, "ray_direction": vector | None,
            "screen_pos": tuple[place, ...], "modifier": modifier,
        },
        "FileTransferStartUpload": {
            "source_component_uuid": text, "transfer_uuid": text, "filename": text, "mime_type": text,
            "part_count": int, "size_bytes": int,
        },
        "FileTransferPart": {
            "source_component_uuid": text | None, "transfer_uuid": text, "part_index": int, "content": bytes,
        },
        "GetRenderResponseMessage": {"payload": bytes, "render_uuid": text},
        "LocalStorageGetItemResponseMessage": {"value": text | None, "error": text | None, "request_uuid": text},
    }  # fmt: skip
    kinds = [
        msgspec.defstruct(name, pairs.items(), tag=name, tag_field="type", forbid_unknown_fields=True)
        for name, pairs in fields.items()
    ]
    return Checker(kinds)


class Checker:
    """Checks messages of one version of viser's page."""

    def __init__(self, kinds: list[type]) -> None:
        """Args: kinds: structures of msgspec, told apart by their field `type`."""
        import msgspec

        union = kinds[0]
        for kind in kinds[1:]:
            union = union | kind
        self._decoder = msgspec.msgpack.Decoder(union)
        self._wrong = (msgspec.MsgspecError, RecursionError)

    def wanted(self, raw: bytes | str) -> bool:
        """Whether viser is to act on a message; one that nothing can be made of is passed over.

        Raises:
            ValueError: if it is not one that a page sends; says how.
        """
        if isinstance(raw, str):
            raise ValueError("message: expected bytes, got text")
        try:
            message = self._decoder.decode(raw)
        except self._wrong as error:
            raise ValueError(f"message: expected one of the editor's page ({error})") from error
        kind = type(message).__name__
        if kind == "GuiUpdateMessage":
            _check_value(message.updates.get("value"))
        return kind != "ViewerCameraMessage" or _looks_somewhere(message)


def _check_value(value: object, nested: bool = False) -> None:
    """Refuse a widget's value that is neither a word nor a finite number, nor, unless it is in one, a list of those."""
    if isinstance(value, (list, tuple)) and not nested:
        for part in value:
            _check_value(part, nested=True)
    elif isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError(f"value: expected at most {LONGEST_TEXT} characters, got {len(value)}")
    elif not isinstance(value, (bool, int, float)) or not math.isfinite(value):
        raise ValueError(f"value: expected words or finite numbers, got {str(value)[:20]} ({type(value).__name__})")


def _looks_somewhere(camera: Any) -> bool:
    """Whether a camera's message gives an image: finite, of a size that a screen has, not at what it looks at."""
    vectors = camera.position, camera.look_at, camera.up_direction
    if not all(math.isfinite(number) for vector in (*vectors, camera.wxyz, (camera.fov,)) for number in vector):
        return False
    (x, y, z), (u, v, w) = (a - b for a, b in zip(camera.position, camera.look_at, strict=True)), camera.up_direction
    across = math.hypot(y * w - z * v, z * u - x * w, x * v - y * u)
    return camera.image_height * camera.image_width <= MOST_PIXELS and camera.fov > 0 and across > SHORTEST
