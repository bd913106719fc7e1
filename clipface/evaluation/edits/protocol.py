"""What edits are measured with: the encoders, the views and the network of the distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clipface.settings import FEATURE_NETWORKS, config_names, named_guidance, read_config, require_at_least

BASELINES = ("w_plus", "texels", "linear")  # what is optimised where there is no mapper (`baselines.py`)


@dataclass
class Protocol:
    """How edits are measured; `configs/evaluation/` has them by name."""

    encoders: list[str] = field(default_factory=lambda: ["scoring"])  # of configs/guidance; scores are their mean
    image_size: int = 224  # side of the images, pixels
    yaws: list[float] = field(default_factory=lambda: [0.0])  # of the views of every face, degrees
    faces: int = 32
    network: str = "efficientnet"  # of FID and KID: efficientnet, inception
    weights: dict[str, str] = field(default_factory=dict)  # local files of encoders' weights, by the encoders' names

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, image_size=32, faces=2)
        if not self.encoders or not self.yaws:
            raise ValueError("evaluation: expected encoders and yaws of at least one each, got none")
        unknown = [name for name in (*self.encoders, *self.weights) if name not in config_names("guidance")]
        if unknown:
            known = ", ".join(config_names("guidance"))
            raise ValueError(f"encoders: expected some of {known}, got {', '.join(unknown)}")
        if self.network not in FEATURE_NETWORKS:
            raise ValueError(f"network: expected one of {', '.join(FEATURE_NETWORKS)}, got {self.network!r}")


def read_protocol(name: str = "default", **changes: Any) -> Protocol:
    """Read a protocol of `configs/evaluation/`; changes that are None are left out.

    Raises:
        ValueError: if there is none of this name, or a value does not fit.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    return Protocol(**{**read_config("evaluation", name), **given})


def encoders_of(guidance: Mapping[str, Any] | None) -> set[str]:
    """The encoders' models that a run's guidance names; none without guidance."""
    if guidance is None:
        return set()
    return {guidance["model"], *(named_guidance(name).model for name in guidance.get("also", ()))}
