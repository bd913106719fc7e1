"""What every trainer's configuration shares, and how schemas reach Hydra; no word about tensors."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from clipface.documents import read_yaml
from clipface.files import slug
from clipface.settings import require_at_least

CONFIG_FILE = "config.yaml"  # in a run's folder
_Config = TypeVar("_Config")

# Keys that earlier versions had, and what they are called now.
RENAMED = {
    "begin_with": "init_from",
    "dataset.skins": "dataset.textures",
    "dataset.skins_share": "dataset.textures_share",
    "held_out": "validation",
    "least_change": "min_feature_change",
    "lips": "lip_penetration_weight",
    "looks": "attribute_offsets",
    "model.start": "model.init_from",
    "painting.held_out": "painting.validation",
    "painting.pictures": "painting.images",
    "photographs.skin_share": "photographs.photo_skin_share",
    "photographs.skins": "photographs.textures",
    "pool": "cache",
    "prior": "expression_prior_weight",
    "prior_identity": "identity_prior_weight",
    "start": "init_from",
}


@dataclass
class TrainerConfig:
    """How long and on what to train."""

    steps: int = 1000  # batches
    minutes: float | None = None  # wall clock after which training ends cleanly; null: no limit
    accelerator: str = "cpu"  # cpu, gpu
    devices: int = 1  # of each machine; they share batch_size, each with other faces: a run is that of one device
    num_nodes: int = 1  # machines that train together
    precision: str = "32-true"  # Lightning's names: 32-true, bf16-mixed
    threads: int = 2  # CPU threads of PyTorch; 0 leaves PyTorch's choice
    log_every: int = 10  # batches between rows of metrics
    deterministic: bool = False  # the same bits in each run of a seed on one machine; without minutes; slow on CUDA
    resume: str | None = None  # checkpoint from which training goes on

    @property
    def processes(self) -> int:
        """Number of processes that train together, one a device."""
        return self.devices * self.num_nodes

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, steps=1, devices=1, num_nodes=1, threads=0, log_every=1)
        if self.deterministic and self.minutes:
            raise ValueError(
                f"trainer.deterministic: expected minutes=null, since a clock ends a run, got {self.minutes:g}"
            )
        if self.resume and not Path(self.resume).is_file():
            raise FileNotFoundError(f"trainer.resume: {self.resume} does not exist; give a run's last.ckpt")


@dataclass
class PlateauConfig:
    """When a loss counts as having stopped falling; the learning rates fall from there on."""

    window: int = 0  # steps whose mean loss is compared with that of as many before; 0: the rates fall from the start
    least: float = 0.01  # the mean must have fallen by this much, or the plateau is reached
    decay: int = 60  # steps after the plateau, while the rates fall (see learning_rate.decay)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, window=0, decay=0)


@dataclass
class RunConfig:
    """What every run depends on."""

    seed: int = 0
    batch_size: int = 1  # of all processes together
    checkpoint_every: int = 0  # batches between checkpoints to resume from; 0: only when interrupted
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, batch_size=1, checkpoint_every=0)
        processes = self.trainer.processes
        if self.batch_size % processes:
            raise ValueError(f"batch_size: expected a multiple of {processes} (processes), got {self.batch_size}")


def read_run(
    folder: Path, schema: type[_Config], change: Callable[[DictConfig], object] = lambda config: None
) -> _Config:
    """Read the configuration that a run has left.

    Args:
        folder: of the run.
        schema: dataclass of its trainer's configuration.
        change: what is to be otherwise, before values are checked.

    Raises:
        FileNotFoundError: if the folder holds none.
        ValueError: if it is damaged, or another trainer's.
    """
    path = Path(folder) / CONFIG_FILE
    remedy = "give the folder of a run"
    found = read_yaml(path, "config", remedy)
    try:
        config = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.create(found))
        change(config)
        return OmegaConf.to_object(config)
    except Exception as error:  # OmegaConf has many kinds of them
        raise ValueError(f"config: {path}: {error}; {remedy}") from error


def refuse_renamed(overrides: Sequence[str]) -> None:
    """Refuse a command line with a key of an earlier version, before Hydra says only that it does not know it.

    Raises:
        SystemExit: naming the key of now.
    """
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        for old, new in RENAMED.items():
            if key == old or key.startswith(f"{old}."):
                raise SystemExit(f"{old} is called {new} now; give {new}{key.removeprefix(old)}={value}")


def docstring(trainer: str) -> str:
    """What a trainer's module says of itself, for its --help; read, not imported, as it runs under another name."""
    source = (Path(__file__).parents[1] / trainer / "__main__.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


# Hydra names a run's folder before main() is entered, so the resolvers must exist on import.
OmegaConf.register_new_resolver("slug", slug, replace=True)
# Without instructions of its own for bfloat16 a CPU takes a hundred times as long for a convolution as in float32.
OmegaConf.register_new_resolver("fast", lambda device: "bf16-mixed" if device == "gpu" else "32-true", replace=True)


def register(name: str, schema: type, group: str | None = None) -> None:
    """Make a dataclass available to Hydra's defaults lists as the schema of a configuration."""
    ConfigStore.instance().store(name=name, node=schema, group=group)
