"""Textures carried from one head's UV map to another's, by a map file that `clipface.fit.transfer` makes."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from clipface import weights
from clipface.documents import check_fields
from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES
from clipface.head.mesh import DIGITS, check_uv_map, head_hash, uv_map_hash
from clipface.shapes import expect

KIND = "head_map"  # in the configuration of a map's file
MAP_FILE = "from_open.safetensors"  # beside a head's file: the map between it and the open head
COMMAND = "`python scripts/transfer_texture.py --from open --to {}`"
WIDE = 65535  # places in a texture are kept in 16 bits: a hundredth of a texel
AGAIN = "make it again by scripts/transfer_texture.py"
TENSORS = ("to_target", "to_target_sure", "to_source", "to_source_sure")


class Carrier(nn.Module):
    """Carries textures from one UV map to another.

    Args:
        places: [S, S, 2] in 0..1: where in the old texture (x to the right, y down) each texel of the new one is.
        sure: [S, S] bool, texels of surface that both heads have; others show what lies nearest.

    Example:
        >>> carrier = read_head_map("data/flame/from_open.safetensors").carrier(uv_map_hash(open_head))
        >>> painted = carrier(texture, 512)  # [B, 3, 512, 512] on FLAME's map
    """

    def __init__(self, places: Tensor, sure: Tensor) -> None:
        super().__init__()
        self.register_buffer("grid", places.float() * 2 - 1, persistent=False)
        self.register_buffer("sure", sure.bool(), persistent=False)

    def forward(self, texture: Tensor, size: int | None = None) -> Tensor:
        """Carry textures over.

        Args:
            texture: [B, C, H, W], row 0 the texture's top.
            size: of the result; best half the map's S or less, since two by two places make a texel. None: H.

        Returns:
            [B, C, size, size]; between the values of `texture`. Gradient: to texture.
        """
        sizes = expect("texture", texture, ("B", "C", "H", "W"))
        size, side = size or sizes["H"], len(self.grid)
        step = max(1, side // (2 * size))
        grid = self.grid[step // 2 :: step, step // 2 :: step].to(texture.dtype)
        if sizes["H"] >= 4 * len(grid):  # a much finer texture would alias
            texture = functional.adaptive_avg_pool2d(texture, 2 * len(grid))
        grid = grid[None].expand(len(texture), -1, -1, -1)
        carried = functional.grid_sample(texture, grid, padding_mode="border", align_corners=False)
        return _resized(carried, size)

    def sure_at(self, size: int) -> Tensor:
        """How much of each texel [1, 1, size, size] is of surface that both heads have, 0..1."""
        return _resized(self.sure[None, None].float(), size)


class HeadMap(NamedTuple):
    """What a map's file holds: where the surfaces of two heads meet."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    path: Path

    def carrier(self, uv_map: str, to: str | None = None) -> Carrier:
        """What carries textures of a UV map over to the other head's.

        Args:
            uv_map: `uv_map_hash` of the head that the textures are for.
            to: that of the other head; None: whatever the map has.

        Raises:
            ValueError: if the map is between others.
        """
        names = {self.config[name]["uv_map"]: name for name in ("source", "target")}
        found, other = names.get(uv_map), {"source": "target", "target": "source"}.get(names.get(uv_map, ""))
        if found is None or (to is not None and to != self.config[other]["uv_map"]):
            has = " and ".join(f"{key[:DIGITS]} ({self.config[name]['name']})" for key, name in names.items())
            expected = f"{uv_map[:DIGITS]} and {(to or 'any')[:DIGITS]}"
            raise ValueError(
                f"map: expected one between the UV maps {expected}, got {self.path} between {has}; "
                "make one by scripts/transfer_texture.py for these heads"
            )
        return Carrier(self.tensors[f"to_{other}"].float() / WIDE, self.tensors[f"to_{other}_sure"])

    def check_target(self, head: HeadModel) -> None:
        """Refuse expressions of another head, though it be of the same mesh and UV map.

        Raises:
            ValueError: naming both.
        """
        expected, got = head_hash(head), self.config["target"]["head_sha256"]
        if got != expected:
            raise ValueError(
                f"map: expected one to the head {expected[:DIGITS]} ({head.source}), got {self.path} to "
                f"{got[:DIGITS]}; make it again by {COMMAND.format('flame')}"
            )


def describe(head: HeadModel) -> dict[str, Any]:
    """What a map notes of a head."""
    return {"name": head.source, "vertices": len(head.v_template), "uv_map": uv_map_hash(head),
            "head_sha256": head_hash(head)}  # fmt: skip


def read_head_map(path: str | Path) -> HeadMap:
    """Read a map.

    Raises:
        FileNotFoundError: if there is none; says which command makes it.
        ValueError: if the file is cut off or another one.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"map: {path} does not exist; make it by scripts/transfer_texture.py")
    tensors, config = weights.load(path)
    if KIND not in config or any(name not in tensors for name in TENSORS):
        raise ValueError(f"map: expected one that scripts/transfer_texture.py made, got {path}; {AGAIN}")
    check_fields(f"map {path}", config, AGAIN, source=dict, target=dict)
    for name in ("source", "target"):
        noted = {"name": str, "uv_map": str, "head_sha256": str, "vertices": int}
        check_fields(f"map {path}: {name}", config[name], AGAIN, **noted)
    _check_tensors(tensors, config["target"]["vertices"], path)
    return HeadMap(tensors, config, path)


def _check_tensors(tensors: dict[str, Tensor], vertices: int, path: Path) -> None:
    """Refuse tensors of a map that do not fit each other."""
    shapes: dict[str, tuple[int | str, ...]] = {"arkit": (len(ARKIT_NAMES), vertices, 3), "arkit_weight": (vertices,)}
    for name in ("target", "source"):
        shapes |= {f"to_{name}": (f"{name}'s side", f"{name}'s side", 2)}
        shapes |= {f"to_{name}_sure": (f"{name}'s side", f"{name}'s side")}
    shapes |= {"shape": ("S", "S'"), "expression": ("E", "E'")}
    try:
        if ("arkit" in tensors) != ("arkit_weight" in tensors):
            raise ValueError("arkit: expected arkit_weight with it, got one of them alone")
        sizes: dict[str, int] = {}
        for name, shape in shapes.items():
            if name in tensors:
                known = [sizes.get(axis, axis) if isinstance(axis, str) else axis for axis in shape]
                sizes |= expect(name, tensors[name], known)
    except ValueError as error:
        raise ValueError(f"map {path}: {error}; {AGAIN}") from None
    if not min(sizes["target's side"], sizes["source's side"]):
        raise ValueError(f"map {path}: expected places of texels, got none; {AGAIN}")


def map_beside(head: HeadModel) -> Path | None:
    """Where the map between a head and the open head belongs: beside the head's file; None without a file."""
    return None if head.file is None else head.file.with_name(MAP_FILE)


def find_map(generator: Path, uv_map: str | None, head: HeadModel) -> HeadMap | None:
    """The map by which a generator's textures come to a head; None if they are made for it.

    Args:
        generator: its file, for messages.
        uv_map: in its configuration.
        head: on which it is to be used.

    Raises:
        ValueError: if they are made for another head, and no map of both lies beside the head's file.
    """
    place, name = map_beside(head), "open" if head.uv_map_changed else "flame"
    if uv_map is not None and uv_map != uv_map_hash(head) and place is not None and place.is_file():
        found = read_head_map(place)
        found.carrier(uv_map, uv_map_hash(head))  # refuses a map of others
        found.check_target(head)
        warnings.warn(
            f"generator {generator} paints another head; its textures come to {head.source} by the map {place}, "
            "less sharp than those of one trained for it",
            stacklevel=3,
        )
        return found
    other = "flame" if name == "open" else "open"
    remedy = f"train one by `python -m trainer.texture_gan head={name}` and give its weights, or give --head {other}"
    if name != "open":
        remedy = f"make the map {place} by {COMMAND.format(name)}, or " + remedy
    check_uv_map(f"generator {generator}", uv_map, head, remedy)
    return None


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] % size == 0:
        return functional.avg_pool2d(images, images.shape[-1] // size)
    mode = "area" if images.shape[-1] > size else "bilinear"
    return functional.interpolate(images, (size, size), mode=mode)
