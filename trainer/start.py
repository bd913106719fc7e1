"""How every trainer starts: the parts that trainers share, and a folder that a failed start does not leave behind."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from clipface.head import HeadModel, load_head
from clipface.render import Renderer


@dataclass
class HeadConfig:
    """Which head."""

    name: str = "open"  # open, flame
    path: str | None = None  # its file; null: where clipface.assets looks


@dataclass
class RendererConfig:
    """Who draws."""

    backend: str = "warp"  # warp, nvdiffrast


def load_drawn_head(head: HeadConfig, renderer: RendererConfig) -> tuple[HeadModel, Renderer]:
    """Load a head and build the renderer of its mesh."""
    model = load_head(head.name, head.path)
    return model, Renderer(model.faces, model.uv, model.uv_faces, backend=renderer.backend)


@contextmanager
def run_folder() -> Iterator[Path]:
    """Give the folder that Hydra made for this run; if the start fails before anything is written, remove it again."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        yield folder
    except BaseException:
        with suppress(OSError):  # a folder with something in it stays
            folder.rmdir()
            folder.parent.rmdir()
        raise
