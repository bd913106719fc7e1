"""From a configuration to a head and the renderer of its mesh."""

import torch

from clipface.head import HeadModel, load_head
from clipface.render.renderer import Renderer
from clipface.settings import HeadConfig, RendererConfig


def load_head_and_renderer(
    head: HeadConfig, renderer: RendererConfig, device: torch.device | str = "cpu"
) -> tuple[HeadModel, Renderer]:
    """Load a head and build the renderer of its mesh.

    Args:
        head: which head; its eyeballs shine.
        renderer: backend, shading and supersampling.
        device: where both go.

    Raises:
        FileNotFoundError: if the head's file is missing; says how to get it.
        ValueError: if that file is damaged, or a name is not known.
    """
    model = load_head(head.name, head.path).to(device)
    eyes = [model.regions[name] for name in ("right_eyeball", "left_eyeball") if name in model.regions]
    gloss = torch.stack(eyes).any(0).float() if eyes else None
    options = {"backend": renderer.backend, "supersample": renderer.supersample, "shading": renderer.shading}
    return model, Renderer(model.faces, model.uv, model.uv_faces, gloss=gloss, **options).to(device)
