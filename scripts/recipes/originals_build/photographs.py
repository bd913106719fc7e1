"""Photographs of people who do not exist, with vertices in clip space, alpha masks and a list of kept names."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from clipface.head import load_head
from clipface.render import Renderer
from clipface.render.camera import project
from clipface.synthetic import PaintedFaces

COUNT, SIZE, TEXTURE = 8, 512, 256
ORDINARY = {"look": "none", "beard": "none", "makeup": "none"}
W = 2.0  # by which vertices in clip space are divided


def write_photographs(folder: Path, seed: int) -> None:
    """Write FFHQ_512_filtered, FFHQ_verts_filtered, masks, and names.txt with all names but the last.

    The vertices are those of the random head in front of the same camera: it lies where the face is, and is none.
    """
    random = torch.Generator().manual_seed(seed)
    head = load_head("open")
    painter = PaintedFaces(head, Renderer(head.faces, head.uv, head.uv_faces), TEXTURE)
    painted = painter.sample(COUNT, random, SIZE, 10.0, 0.6, ORDINARY, zoom=(1.2, 1.2))
    other = load_head("flame", folder / "flame" / "generic_model.pkl")
    vertices = other(0.1 * torch.randn(COUNT, 10, generator=random))
    places = W * project(vertices, painted.camera)
    for name in ("FFHQ_512_filtered", "FFHQ_verts_filtered", "masks"):
        (folder / name).mkdir(exist_ok=True)
    images = (255 * painted.image.clamp(0, 1)).round().byte().permute(0, 2, 3, 1).numpy()
    masks = (255 * painted.mask[:, 0]).round().byte().numpy()
    names = [f"{number:05d}" for number in range(COUNT)]
    for name, image, mask, place in zip(names, images, masks, places, strict=True):
        Image.fromarray(image).save(folder / "FFHQ_512_filtered" / f"{name}.png")
        Image.fromarray(np.dstack([image, mask])).save(folder / "masks" / f"{name}.png")
        torch.save(place.clone(), folder / "FFHQ_verts_filtered" / f"{name}.pt")
    (folder / "names.txt").write_text("\n".join(names[:-1]) + "\n", encoding="utf-8")
