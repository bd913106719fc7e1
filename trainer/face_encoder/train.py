"""Train a face encoder: what the command and the tests call."""

from pathlib import Path
from typing import Any

from clipface import weights
from clipface.guidance.encoder import build_face_encoder, load_face_encoder, save_face_encoder
from clipface.render.load import load_head_and_renderer
from clipface.synthetic import PaintedFaces
from clipface.synthetic.words.captions import vocabulary
from trainer.common.run import Result, run
from trainer.face_encoder.config import FaceEncoderConfig
from trainer.face_encoder.data import EncoderFaces
from trainer.face_encoder.module import FaceEncoderModule


def build(config: FaceEncoderConfig) -> FaceEncoderModule:
    """Load everything that a run needs and check it; nothing is written."""
    encoder = build_face_encoder(config.model, vocabulary())
    if config.init_from:
        initial = load_face_encoder(Path(config.init_from))
        if list(initial.tokenizer.words) != list(encoder.tokenizer.words):
            raise ValueError(
                f"init_from: expected an encoder with the captions' vocabulary, got another in {config.init_from}; "
                "train without it"
            )
        weights.load_into(encoder.model, initial.model.state_dict(), f"init_from {config.init_from}")
    head, renderer = load_head_and_renderer(config.head, config.renderer)
    device = "cuda" if config.trainer.accelerator == "gpu" else "cpu"
    painter = PaintedFaces(head.to(device), renderer.to(device), config.painting.texture_size, config.renderer.backend)
    faces = EncoderFaces(config.seed, config.painting, config.photographs, painter, encoder)
    return FaceEncoderModule(config, faces, encoder)


def write_results(module: FaceEncoderModule, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write the encoder, also of an interrupted run; gives its last scores."""
    path = save_face_encoder(folder / f"{module.config.name}.safetensors", module.encoder, module.config.model)
    print(f"encoder: {path}")
    return module.final_scores


def train(config: FaceEncoderConfig, folder: Path) -> Result:
    """Train an encoder and write it into `folder`."""
    return run(
        config,
        folder,
        build=build,
        data=range(config.trainer.steps),
        write_results=write_results,
    )
