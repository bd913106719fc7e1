"""Train a face encoder: what the command and the tests call."""

from pathlib import Path
from typing import Any

from clipface import weights
from clipface.edit.loading import load_avatar
from clipface.guidance.encoder import Encoder, build_face_encoder, load_face_encoder, save_face_encoder
from clipface.render.load import load_head_and_renderer
from clipface.synthetic import PaintedFaces
from clipface.synthetic.words.captions import vocabulary
from trainer.common.run import Result, run
from trainer.face_encoder.config import FaceEncoderConfig
from trainer.face_encoder.data import EncoderFaces
from trainer.face_encoder.generated import GeneratedFaces
from trainer.face_encoder.module import FaceEncoderModule
from trainer.face_encoder.phrases import Phrases, read_phrases

WORDS = "token_embedding.weight"  # open_clip's table of words


def build(config: FaceEncoderConfig) -> FaceEncoderModule:
    """Load everything that a run needs and check it; nothing is written."""
    phrases = read_phrases(config.photographs.phrases) if config.photographs.phrases else {}
    encoder = build_face_encoder(config.model, [*vocabulary(), *Phrases(phrases).words()])
    if config.init_from:
        _start_from(encoder, config.init_from)
    head, renderer = load_head_and_renderer(config.head, config.renderer)
    device = "cuda" if config.trainer.accelerator == "gpu" else "cpu"
    generated, share = None, config.generated.share
    if share:
        avatar = load_avatar(config.generated.generator, config.head, config.renderer).to(device)
        generated = GeneratedFaces(avatar, config.generated.psi)
    painter = PaintedFaces(head.to(device), renderer.to(device), config.painting.texture_size, config.renderer.backend)
    faces = EncoderFaces(config.seed, config.painting, config.photographs, painter, encoder, generated, share)
    return FaceEncoderModule(config, faces, encoder)


def _start_from(encoder: Encoder, path: str) -> None:
    """Take over an encoder's weights, and what it knows of each word; new words stay as they are."""
    initial = load_face_encoder(Path(path))
    try:
        numbers = encoder.tokenizer.numbers_of(initial.tokenizer)
    except ValueError as error:
        raise ValueError(f"init_from: {path} knows words that captions and phrases lack ({error})") from error
    state, table = initial.model.state_dict(), encoder.model.state_dict()[WORDS].clone()
    if state[WORDS].shape[1] == table.shape[1]:  # or else `load_into` says what differs
        table[numbers] = state[WORDS]
        state[WORDS] = table
    weights.load_into(encoder.model, state, f"init_from {path}")


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
