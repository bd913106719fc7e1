"""From a configuration to a head and the renderer of its mesh."""

import torch

from clipface.head import HeadModel, load_head
from clipface.render.camera import project, view
from clipface.render.renderer import Renderer
from clipface.settings import HeadConfig, RendererConfig

LEAST_FRAMED = 0.3  # of a head's vertices in the standard view's frame, and of its size in half frames


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
        ValueError: if that file is damaged, no image would show the head, or a name is not known.
    """
    model = load_head(head.name, head.path).to(device)
    check_framed(model)
    eyes = [model.regions[name] for name in ("right_eyeball", "left_eyeball") if name in model.regions]
    gloss = torch.stack(eyes).any(0).float() if eyes else None
    options = {"backend": renderer.backend, "supersample": renderer.supersample, "shading": renderer.shading}
    return model, Renderer(model.faces, model.uv, model.uv_faces, gloss=gloss, **options).to(device)


def check_framed(head: HeadModel) -> None:
    """Refuse a head that the camera would not show: in other units than metres, or not about the origin.

    Raises:
        ValueError: naming where the head is.
    """
    front = torch.zeros(1)
    place = project(head.v_template[None], view(front, front).to(head.v_template.device))[0]
    place = place[:, :2] / place[:, 3:]
    size, inside = (place.amax(0) - place.amin(0)).max(), (place.abs() <= 1).all(1).float().mean()
    if size < LEAST_FRAMED or inside < LEAST_FRAMED:
        low, high = ([round(float(x), 3) for x in end] for end in (head.v_template.amin(0), head.v_template.amax(0)))
        raise ValueError(
            f"head: expected one in metres about the origin, some 0.3 high, got {head.source} from {low} to "
            f"{high}; its images would be blank"
        )
