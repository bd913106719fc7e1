"""All files, in the folders that their users have them in."""

from pathlib import Path

import numpy as np
import torch

from . import encoders, faces, head, networks, photographs
from .sizes import SMALL, Sizes

SIZES = {"original": Sizes(), "small": SMALL}


def build(
    folder: Path, sizes: Sizes, seed: int = 0, with_encoders: bool = False, with_photographs: bool = False
) -> None:
    """Write every file below a folder, encoders and photographs only if asked for."""
    if with_encoders:
        encoders.fidelity()  # or says so before anything is written
    flame, random = folder / "flame", np.random.default_rng(seed)
    flame.mkdir(parents=True, exist_ok=True)
    triangles = head.write_model(flame / "generic_model.pkl", sizes, random)
    head.write_template(flame / "head_template.obj", sizes, random)
    head.write_landmarks(flame / "landmark_embedding.npy", triangles, random)
    head.write_masks(flame / "FLAME_masks.pkl", sizes)
    faces.write_textures(flame, sizes, random)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks.write_networks(folder, sizes)
        networks.write_codes(folder / "latents", sizes)
        faces.write_faces(folder, sizes, random)
        if with_photographs:
            photographs.write_photographs(folder, seed)
        if with_encoders:
            encoders.write_encoders(folder)
            encoders.write_inception(folder)
