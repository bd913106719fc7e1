"""Encoders of images and words: ours, CLIP's, sentences'."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file
from torch import nn

from clipface.guidance.clip_files import read_clip
from clipface.guidance.encoder import build_face_encoder, load_face_encoder, save_face_encoder
from clipface.guidance.sentences import Projection, load_projection, load_sentence_encoder, save_projection

from .. import lies, text_lies
from ..bert import HIDDEN, WIDTH, write_bert
from ..reader import NOTES, Reader

ENCODER = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 12, "width": 16, "heads": 2, "layers": 1},
}
CLIP = "tiny-fuzzed"  # open_clip's name of a model as small as it gets
CLIP_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
SIZES = ("input_resolution", "context_length", "vocab_size")  # beside OpenAI's weights


def write_encoder(path: Path) -> None:
    """Write a face encoder."""
    save_face_encoder(path, build_face_encoder(ENCODER, "a photo of face zombie clown".split()), ENCODER)


def _face_encoder(path: Path) -> object:
    return load_face_encoder(path).encode_text(["a zombie"])


@cache
def _clip_state() -> dict[str, torch.Tensor]:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        described = Path(folder) / f"{CLIP}.json"
        described.write_text(json.dumps({**ENCODER, "text_cfg": CLIP_TEXT}), encoding="utf-8")
        open_clip.add_model_config(described)
    return open_clip.create_model(CLIP).state_dict()


def _clip(path: Path) -> None:
    """A state dict, with OpenAI's sizes or without."""
    if path.suffix == ".safetensors":
        save_file({name: value.contiguous() for name, value in _clip_state().items()}, path)
    else:
        torch.save(_clip_state(), path)


class _Holder(nn.Module):
    """Any tree of parameters by name, which TorchScript takes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def _script(path: Path) -> None:
    """An archive as OpenAI's."""
    state = _clip_state() | {size: torch.tensor(1) for size in SIZES}
    torch.jit.save(torch.jit.script(parameter_tree(state)), str(path))


def parameter_tree(state: Mapping[str, torch.Tensor]) -> nn.Module:
    """A module that holds tensors under their names, as a TorchScript archive of weights does."""
    root = _Holder()
    for name, value in state.items():
        node, (*inner, last) = root, name.split(".")
        for part in inner:
            if part not in dict(node.named_children()):
                node.add_module(part, _Holder())
            node = dict(node.named_children())[part]
        node.register_parameter(last, nn.Parameter(value, requires_grad=False))
    return root


def _read_clip(path: Path) -> object:
    return read_clip(CLIP, path)


def _sentences(path: Path) -> object:
    encoder, tokenizer = load_sentence_encoder(path)
    return encoder(tokenizer(["a b", "c"]))


def _projection(path: Path) -> None:
    """A projection, and the face encoder that it belongs to."""
    encoder = path.with_name("face.safetensors")
    write_encoder(encoder)
    save_projection(path, Projection(WIDTH, HIDDEN, 16), encoder)


def _read_projection(path: Path) -> object:
    return load_projection(path.with_name("face.safetensors"))(torch.ones(1, WIDTH))


READERS = (
    Reader("face encoders", "face.safetensors", write_encoder, _face_encoder, lies.tensors, NOTES),
    Reader("CLIP, OpenAI's archive", "ViT.pt", _script, _read_clip, lies.archives_of_torch),
    Reader("CLIP, a state dict", "ViT.bin", _clip, _read_clip, lies.archives_of_torch),
    Reader("CLIP, .safetensors", "ViT.safetensors", _clip, _read_clip, lies.tensors),
    Reader("sentence encoders", "bert", write_bert, _sentences, None,
           ((".safetensors", lies.tensors), (".json", text_lies.documents))),
    Reader("projections of sentences", "face_sentences.safetensors", _projection, _read_projection, lies.tensors,
           NOTES),
)  # fmt: skip
