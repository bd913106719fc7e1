"""What a run of the text mapper's trainer depends on."""

from dataclasses import asdict, dataclass, field
from typing import Any

from clipface.files import absolute
from clipface.settings import GuidanceConfig, HeadConfig, Jitter, RendererConfig, require_at_least
from trainer.common.config import RunConfig, register


@dataclass
class NetworkConfig:
    """Sizes of `clipface.edit.text_mapper.TextMapper`."""

    hidden: int = 512
    codes: int = 192
    rank: int = 16


@dataclass
class TextMapperConfig(RunConfig):
    """Everything a run depends on."""

    batch_size: int = 64  # faces, each with a text of its own
    learning_rate: float = 2e-3
    warm_up: float = 0.02  # share of the run
    init_from: str | None = None  # a text mapper's file, to train on; null: one that changes nothing
    validation: int = 512  # faces and texts that are never trained on
    synonyms: int = 40  # phrases of data/synonyms.csv for each value, as far as the encoder reads them
    noise: float = 0.01  # added to the text's directions, whose length is about 1
    expression_weight: float = 1.0  # of the error of expressions; that of textures has 1
    identity_weight: float = 0.2
    rendered: int = 0  # faces of each step that are rendered, and judged by the encoder; 0: none
    direction_weight: float = 1.0  # of that judgement
    views: int = 1
    image_size: int = 128
    texture_size: int | None = None  # texels of rendered faces; null: the generator's
    max_yaw: float = 20.0  # degrees
    max_pitch: float = 10.0
    min_feature_change: float = 0.4  # see DirectionalLoss
    jitter: Jitter = field(default_factory=Jitter)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    generator: str | None = None  # weights of the texture generator; null: the one that comes with the project
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, validation=1, noise=0, synonyms=0, rendered=0, views=1, image_size=8)
        if self.rendered > self.batch_size:
            raise ValueError(f"rendered: expected at most batch_size={self.batch_size}, got {self.rendered}")

    @property
    def notes(self) -> dict[str, Any]:
        """What is kept beside the network, for all that use it later."""
        return {
            "head": asdict(self.head) | {"path": absolute(self.head.path)}, "generator": absolute(self.generator),
            "guidance": asdict(self.guidance) | {"weights": absolute(self.guidance.weights)},
        }  # fmt: skip


register("text_mapper_schema", TextMapperConfig)
