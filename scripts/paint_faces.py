"""Paint a data set folder of faces with known heads, cameras, masks and captions, or a contact sheet of them.

    python scripts/paint_faces.py --folder data/painted --count 2000
    python scripts/paint_faces.py --sheet docs/painted_faces.png
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from clipface.data import FaceBatch, write_faces
from clipface.head import load_head
from clipface.render.renderer import Renderer
from clipface.synthetic import Attributes, PaintedFaces
from clipface.synthetic.attributes import CHOICES, LOOKS

BATCH = 32
SHEET_COLUMNS = 10
SHEET_ZOOM = 1.25  # the face larger, the neck cut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="data set folder to write; must not exist")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write (PNG)")
    parser.add_argument("--count", type=int, default=256, help="faces in the folder")
    parser.add_argument("--size", type=int, default=256, help="side of a picture, pixels")
    parser.add_argument("--texture_size", type=int, default=256, help="side of the painted texture, texels")
    parser.add_argument("--max_yaw", type=float, default=30.0, help="degrees")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    for name in CHOICES:
        parser.add_argument(f"--{name}", help="every face of the folder gets this value")
    options = parser.parse_args()
    if options.folder is None and options.sheet is None:
        parser.error("give --folder, --sheet or both")
    head = load_head("open").to(options.device)
    renderer = Renderer(head.faces, head.uv, head.uv_faces).to(options.device)
    painter = PaintedFaces(head, renderer, options.texture_size)
    if options.folder is not None:
        print(f"wrote {write_faces(options.folder, batches(painter, options))}")
    if options.sheet is not None:
        sheet(painter, options.sheet, options.size, options.seed)
        print(f"wrote {options.sheet}")


def batches(painter: PaintedFaces, options: argparse.Namespace) -> Iterator[tuple[FaceBatch, list[str]]]:
    """Paint the folder's faces on white, batch by batch."""
    generator = torch.Generator().manual_seed(options.seed)
    wanted = {name: _value(getattr(options, name)) for name in CHOICES if getattr(options, name) is not None}
    for start in range(0, options.count, BATCH):
        count = min(BATCH, options.count - start)
        painted = painter.sample(count, generator, options.size, options.max_yaw, 1.0, wanted)
        yield FaceBatch(
            painted.image * 2 - 1, painted.mask, painted.shape, painted.expression, painted.pose, painted.camera,
            painted.neck_pose, painted.eye_pose,
        ), painted.captions  # fmt: skip


def _value(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text.lower(), text)


def sheet(painter: PaintedFaces, path: Path, size: int, seed: int) -> None:
    """Two rows of ordinary faces, one of expressions, one of make-up and age, then every look."""
    faces = sheet_faces()
    generator = torch.Generator().manual_seed(seed)
    pictures = []
    for start in range(0, len(faces), SHEET_COLUMNS):
        part = faces[start : start + SHEET_COLUMNS]
        pictures.append(painter.sample(len(part), generator, size, 20.0, 0.9, part, zoom=SHEET_ZOOM).image.cpu())
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid(torch.cat(pictures), SHEET_COLUMNS)).quantize(256).save(path, optimize=True)


def sheet_faces() -> list[Attributes]:
    """The faces of the contact sheet, row by row."""
    ordinary = [
        Attributes(sex, age, skin, eyes, hair, colour, beard, beard in ("goatee", "beard"))
        for sex, age, skin, eyes, hair, colour, beard in (
            ("woman", "young", "fair", "blue", "hair", "brown", "none"), ("man", "adult", "olive", "green", "hair",
                                                                          "black", "stubble"),
            ("woman", "adult", "dark", "brown", "hair", "black", "none"), ("man", "young", "tan", "brown", "buzz",
                                                                           "black", "goatee"),
            ("woman", "young", "pale", "green", "hair", "red", "none"), ("man", "adult", "brown", "black", "bald",
                                                                         "black", "beard"),
            ("woman", "young", "tan", "hazel", "hair", "black", "none"), ("man", "adult", "pale", "blue", "hair",
                                                                          "blond", "beard"),
            ("woman", "old", "fair", "grey", "hair", "white", "none"), ("man", "old", "olive", "brown", "bald",
                                                                        "grey", "beard"),
        )
    ]  # fmt: skip
    skins = ("fair", "brown", "pale", "olive", "dark")
    felt = [name for name in CHOICES["expression"] if name != "neutral"]
    moods = [
        Attributes("woman" if i % 2 else "man", "adult", skins[i % 5], hair_colour="black", expression=name)
        for i, name in enumerate(felt)
    ]
    adorned = [
        Attributes("woman", "young", "pale", "green", freckles=True, hair_colour="red"), Attributes("woman", "old",
                                                                                                    "fair",
                                                                                                    wrinkles=True, hair_colour="grey"),
        Attributes("man", "old", "brown", wrinkles=True, hair="bald", hair_colour="white",
                   beard="beard"), Attributes("man", "adult", "fair", tired=True, scar=True),
        Attributes("woman", "young", "fair", "blue", lipstick="red", hair_colour="blond"), Attributes("woman",
                                                                                                      "young", "tan",
                                                                                                      makeup="natural", hair_colour="black"),
        Attributes("woman", "young", "pale", "blue", makeup="party", hair_colour="brown"), Attributes("woman",
                                                                                                      "young", "dark",
                                                                                                      makeup="party", hair_colour="black"),
        Attributes("woman", "young", "pale", "grey", makeup="gothic", hair_colour="black"), Attributes("man", "young",
                                                                                                       "fair", "blue",
                                                                                                       makeup="gothic", hair_colour="black"),
    ]  # fmt: skip
    looks = [
        Attributes("woman" if name in ("barbie", "princess", "witch", "doll", "annabelle", "mona_lisa") else "man",
                   "adult",
                   skins[i % 4], hair_colour="brown", look=name)
        for i, name in enumerate(LOOKS[1:])
    ]  # fmt: skip
    pairs = [Attributes("woman", look="zombie", expression="angry"), Attributes("man", look="clown",
                                                                                expression="laughing")]
    return [*ordinary, *moods, *adorned, *looks, *pairs]


def grid(pictures: Tensor, columns: int):
    """Pictures [N, 3, S, S] in 0..1 as one uint8 array [H, W, 3]."""
    count, _, size, _ = pictures.shape
    rows = -(-count // columns)
    canvas = torch.full((3, rows * size, columns * size), 0.9)
    for index, picture in enumerate(pictures):
        top, left = index // columns * size, index % columns * size
        canvas[:, top : top + size, left : left + size] = picture
    return (canvas.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


if __name__ == "__main__":
    main()
