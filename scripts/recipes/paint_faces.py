"""Paint a data set folder of faces with known heads, cameras, masks and captions, or a contact sheet of them.

python scripts/recipes/paint_faces.py --folder data/painted --count 2000
python scripts/recipes/paint_faces.py --folder data/smiling --count 100 --size 512 --expression smiling
python scripts/recipes/paint_faces.py --sheet docs/painted_faces.png
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
from clipface.synthetic.attributes import CHOICES, LOOK_SEX, LOOKS

BATCH = 32
SHEET_COLUMNS = 10
CELL = 128  # pixels of one face on the sheet
ORDINARY = (  # the sheet's first row
    {"sex": "woman", "age": "young", "skin": "fair", "eyes": "blue"},
    {"sex": "man", "skin": "olive", "eyes": "green", "hair_colour": "black", "beard": "stubble"},
    {"sex": "woman", "skin": "dark", "hair_colour": "black"},
    {
        "sex": "man",
        "age": "young",
        "skin": "tan",
        "hair": "buzz",
        "hair_colour": "black",
        "beard": "goatee",
        "moustache": True,
    },
    {"sex": "woman", "age": "young", "skin": "pale", "eyes": "green", "hair_colour": "red"},
    {"sex": "man", "skin": "brown", "hair": "bald", "hair_colour": "black", "beard": "beard", "moustache": True},
    {"sex": "woman", "age": "young", "skin": "tan", "eyes": "hazel", "hair_colour": "black"},
    {"sex": "man", "skin": "pale", "eyes": "blue", "hair_colour": "blond", "beard": "beard", "moustache": True},
    {"sex": "woman", "age": "old", "skin": "fair", "eyes": "grey", "hair_colour": "white", "wrinkles": True},
    {
        "sex": "man",
        "age": "old",
        "skin": "olive",
        "hair": "bald",
        "hair_colour": "grey",
        "beard": "beard",
        "moustache": True,
    },
)
ADORNED = (  # and its third
    {"age": "young", "skin": "pale", "eyes": "green", "freckles": True, "hair_colour": "red"},
    {"age": "old", "wrinkles": True, "hair_colour": "grey"},
    {
        "sex": "man",
        "age": "old",
        "skin": "brown",
        "wrinkles": True,
        "hair": "bald",
        "hair_colour": "white",
        "beard": "beard",
    },
    {"sex": "man", "tired": True, "scar": True},
    {"age": "young", "eyes": "blue", "lipstick": "red", "hair_colour": "blond"},
    {"age": "young", "skin": "tan", "makeup": "natural", "hair_colour": "black"},
    {"age": "young", "skin": "pale", "eyes": "blue", "makeup": "party"},
    {"age": "young", "skin": "dark", "makeup": "party", "hair_colour": "black"},
    {"age": "young", "skin": "pale", "eyes": "grey", "makeup": "gothic", "hair_colour": "black"},
    {"sex": "man", "age": "young", "eyes": "blue", "makeup": "gothic", "hair_colour": "black"},
)
SHEET_ZOOM = 1.2  # the face larger, the neck cut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="data set folder to write; must not exist")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write (PNG)")
    parser.add_argument("--count", type=int, default=256, help="faces in the folder")
    parser.add_argument("--size", type=int, default=256, help="side of an image, pixels")
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
    given = {name: _value(getattr(options, name)) for name in CHOICES if getattr(options, name) is not None}
    for start in range(0, options.count, BATCH):
        count = min(BATCH, options.count - start)
        painted = painter.sample(count, generator, options.size, options.max_yaw, 1.0, given)
        yield FaceBatch(
            painted.image * 2 - 1, painted.mask, painted.shape, painted.expression, painted.pose, painted.camera,
            painted.neck_pose, painted.eye_pose,
        ), painted.captions  # fmt: skip


def _value(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text.lower(), text)


def sheet(painter: PaintedFaces, path: Path, size: int, seed: int) -> None:
    """Draw a row of ordinary faces, one of expressions, one of age and make-up, then every look."""
    faces = sheet_faces()
    generator = torch.Generator().manual_seed(seed)
    images = []
    for start in range(0, len(faces), SHEET_COLUMNS):
        part = faces[start : start + SHEET_COLUMNS]
        zoom = (SHEET_ZOOM, SHEET_ZOOM)
        images.append(painter.sample(len(part), generator, size, 20.0, 1.0, part, zoom=zoom).image.cpu())
    path.parent.mkdir(parents=True, exist_ok=True)
    small = torch.nn.functional.interpolate(torch.cat(images), (CELL, CELL), mode="area")
    Image.fromarray(grid(small, SHEET_COLUMNS)).save(path, optimize=True)


def sheet_faces() -> list[Attributes]:
    """The faces of the contact sheet, row by row."""
    textures = ("fair", "brown", "pale", "olive", "dark")
    felt = [name for name in CHOICES["expression"] if name != "neutral"]
    moods = [
        Attributes("woman" if i % 2 else "man", "adult", textures[i % 5], hair_colour="black", expression=name)
        for i, name in enumerate(felt)
    ]
    looks = [
        Attributes(LOOK_SEX.get(name, "man"), "adult", textures[i % 4], look=name) for i, name in enumerate(LOOKS[1:])
    ]
    pairs = [
        Attributes("woman", look="zombie", expression="angry"),
        Attributes("man", look="clown", expression="laughing"),
    ]
    return [
        *(Attributes(**face) for face in ORDINARY),
        *moods,
        *(Attributes(**face) for face in ADORNED),
        *looks,
        *pairs,
    ]


def grid(images: Tensor, columns: int):
    """Images [N, 3, S, S] in 0..1 as one uint8 array [H, W, 3]."""
    count, _, size, _ = images.shape
    rows = -(-count // columns)
    canvas = torch.ones(3, rows * size, columns * size)
    for index, image in enumerate(images):
        top, left = index // columns * size, index % columns * size
        canvas[:, top : top + size, left : left + size] = image
    return (canvas.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


if __name__ == "__main__":
    main()
