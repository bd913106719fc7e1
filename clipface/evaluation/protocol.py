"""What edits are measured with: the encoders, the views and the network of the distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import configs
from clipface.edit.loading import named_guidance
from clipface.metrics import NETWORKS
from clipface.settings import require_at_least

FOLDER = Path(configs.__file__).parent


@dataclass
class Protocol:
    """How edits are measured; `configs/evaluation/` has them by name."""

    encoders: list[str] = field(default_factory=lambda: ["scoring"])  # of configs/guidance; scores are their mean
    image_size: int = 224  # side of the images, pixels
    yaws: list[float] = field(default_factory=lambda: [0.0])  # from where every face is looked at, degrees
    faces: int = 32
    network: str = "efficientnet"  # of FID and KID: efficientnet, inception

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, image_size=32, faces=2)
        if not self.encoders or not self.yaws:
            raise ValueError("evaluation: expected encoders and yaws of at least one each, got none")
        unknown = [name for name in self.encoders if name not in names("guidance")]
        if unknown:
            raise ValueError(f"encoders: expected of {', '.join(names('guidance'))}, got {', '.join(unknown)}")
        if self.network not in NETWORKS:
            raise ValueError(f"network: expected one of {', '.join(NETWORKS)}, got {self.network!r}")


def names(group: str) -> list[str]:
    """What a group of the configuration offers."""
    return sorted(path.stem for path in (FOLDER / group).glob("*.yaml"))


def read_protocol(name: str = "default", **changes: Any) -> Protocol:
    """Read a protocol of `configs/evaluation/`; changes that are None are left out.

    Raises:
        ValueError: if there is none of this name, or a value does not fit.
    """
    if name not in names("evaluation"):
        raise ValueError(f"protocol: expected one of {', '.join(names('evaluation'))}, got {name!r}")
    given = {key: value for key, value in changes.items() if value is not None}
    read = OmegaConf.merge(OmegaConf.structured(Protocol), OmegaConf.load(FOLDER / "evaluation" / f"{name}.yaml"))
    return replace(OmegaConf.to_object(read), **given)


def encoders_of(guidance: Mapping[str, Any]) -> set[str]:
    """The encoders' models that a run's guidance names."""
    return {guidance["model"], *(named_guidance(name).model for name in guidance.get("also", ()))}
