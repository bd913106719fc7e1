"""The one table of the project's readers: what each reads, a valid file of it, and the lies that fit it."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clipface import files, pickles, tables, weights
from clipface.animation.load import load_motion
from clipface.data.distribution import FitDistribution
from clipface.data.faces import MaskedFaces
from clipface.edit.files import read_latents
from clipface.edit.mapper import FaceMapper
from clipface.edit.persons.person import Person
from clipface.edit.video_mapper import VideoMapper
from clipface.export.video import frame_rate, read_frames
from clipface.fit.face_points import read_face_points
from clipface.guidance.encoder import load_face_encoder
from clipface.head import HeadModel, load_head
from clipface.head.flame_file import read_flame
from clipface.head.mesh import read_obj
from clipface.head.open_head import read_open_head
from clipface.images import read_photograph
from clipface.photos.attributes import AttributeRule, FaceAttributes
from clipface.photos.deca import read_deca
from clipface.photos.masks import read_mask
from clipface.photos.prepare import read_rule
from clipface.photos.sources import read_people
from clipface.texture.flame_texture import read_flame_texture
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures
from clipface.texture.published import read_published_generator

from . import lies, samples, text_lies

Lies = Callable[[bytes], Iterator[tuple[str, bytes]]]


class Reader(NamedTuple):
    """A reader, and how to try it."""

    name: str
    file: str  # of the valid file, or folder
    make: Callable[[Path], object]  # writes it
    read: Callable[[Path], object]
    lies: Lies | None = None  # about the file itself
    beside: tuple[tuple[str, Lies], ...] = ()  # other files of it by their suffix, and lies about those
    pixels: bool = False  # whether its memory goes by pixels
    unnamed: bool = False  # whether the message is the reason alone, to which the caller adds the file


def _copied(name: str) -> Callable[[Path], object]:
    from clipface import assets

    return lambda path: path.write_bytes(assets.resolve(name).read_bytes())


def _whole_set(path: Path) -> object:
    faces = MaskedFaces(path, samples.SIZE)
    return [faces[number] for number in range(len(faces))]


def _attributes(path: Path) -> object:
    found = FaceAttributes(path)
    return [found.reason(f"{number:05d}", AttributeRule()) for number in range(len(found))]


def _video(path: Path) -> object:
    frame_rate(path)
    return sum(1 for _ in read_frames(path))


def _texture_npz(path: Path) -> None:
    import numpy as np

    np.savez(path, mean=np.zeros((8, 8, 3), np.float32), tex_dir=np.zeros((8, 8, 3, 5), np.float32))


def _frames_npz(path: Path) -> None:
    import numpy as np

    np.savez(path, **samples.frames())


def _frames_pickle(path: Path) -> None:
    import pickle

    path.write_bytes(pickle.dumps(samples.frames(), protocol=2))


def _landmarks(path: Path) -> None:
    import numpy as np

    found = {"full_lmk_faces_idx": np.zeros((1, 68), int), "full_lmk_bary_coords": np.full((1, 68, 3), 1 / 3)}
    np.save(path, np.array(found, object), allow_pickle=True)


def _latents(path: Path) -> object:
    return read_latents(path, samples.avatar(of_authors=path.suffix != ".npz"))


def _motion(path: Path) -> object:
    return load_motion(path, samples.head_model(), 30.0)


def _capture(path: Path) -> object:
    return load_motion(path, _open_head())


@cache
def _open_head() -> HeadModel:
    return load_head()


READERS = (
    Reader("pickles", "data.pkl", _frames_pickle, pickles.load, lies.pickles),
    Reader("arrays, .npy", "landmarks.npy", _landmarks, pickles.load_npy),
    Reader("FLAME's head", "generic_model.pkl", samples.flame_pickle, read_flame, lies.pickles),
    Reader("the open head", "head.npz", samples.open_head, read_open_head, lies.npz),
    Reader("OBJ", "head.obj", samples.obj, read_obj, text_lies.meshes),
    Reader(".mat", "code.mat", samples.mat, tables.read_content, lies.mats),
    Reader("DECA's code", "code.mat", samples.mat, read_deca, lies.mats),
    Reader("FLAME's frames, .npz", "frames.npz", _frames_npz, _motion, lies.npz),
    Reader("FLAME's frames, pickle", "frames.pkl", _frames_pickle, _motion, lies.pickles),
    Reader("keyframes", "moves.yaml", samples.keyframes, _capture, text_lies.yamls),
    Reader("ARKit's captures", "take.csv", samples.arkit, _capture, text_lies.texts),
    Reader("videos, .mp4", "me.mp4", samples.video, _video, pixels=True),
    Reader("videos, .mkv", "me.mkv", samples.video, _video, pixels=True),
    Reader("images, .png", "me.png", samples.image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("images, .jpg", "me.jpg", samples.image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("images, .tif", "me.tif", samples.image, read_photograph, lies.images, pixels=True, unnamed=True),
    Reader("masks", "me.png", samples.image, read_mask, lies.images, pixels=True),
    Reader("weights", "linear.safetensors", samples.linear, weights.load, lies.tensors,
           ((".json", text_lies.documents),)),
    Reader("linear textures", "linear.safetensors", samples.linear, LinearTextures.from_weights, lies.tensors,
           ((".json", text_lies.documents),)),
    Reader("generators", "generator.safetensors", samples.weights_of_generator, TextureGenerator.from_weights,
           lies.tensors, ((".json", text_lies.documents),)),
    Reader("mappers", "mapper.safetensors", samples.mapper, FaceMapper.from_weights, lies.tensors,
           ((".json", text_lies.documents),)),
    Reader("mappers of animations", "mapper.safetensors", samples.video_mapper, VideoMapper.from_weights, lies.tensors,
           ((".json", text_lies.documents),)),
    Reader("face encoders", "face.safetensors", samples.encoder, load_face_encoder, lies.tensors,
           ((".json", text_lies.documents),)),
    Reader("persons", "me.person.safetensors", samples.person, lambda path: Person.load(path, samples.avatar()),
           lies.tensors),
    Reader("authors' generators", "stylegan_G.pth", samples.published_generator, read_published_generator,
           lies.archives_of_torch),
    Reader("authors' mappers", "mapper.pt", samples.published_mapper,
           lambda path: FaceMapper.from_published(path, samples.LEVELS), lies.archives_of_torch),
    Reader("authors' codes", "codes.pt", samples.codes, _latents, lies.archives_of_torch),
    Reader("folders of codes", "codes", samples.codes_folder, _latents, None, ((".pt", lies.archives_of_torch),)),
    Reader("codes, .npz", "codes.npz", samples.codes_npz, _latents, lies.npz),
    Reader("face points", "points.npz", _copied("face_points"), read_face_points, lies.npz),
    Reader("FLAME's textures", "FLAME_texture.npz", _texture_npz, lambda path: read_flame_texture(path, 8), lies.npz),
    Reader("distributions", "distribution.npz", samples.distribution, FitDistribution.load, lies.npz),
    Reader("data sets", "faces", samples.dataset, _whole_set, None,
           ((".json", text_lies.documents), (".tar", lies.nothing))),
    Reader("attributes", "attributes.zip", samples.attributes, _attributes, lies.archives),
    Reader("tables", "people.csv", samples.table, read_people, text_lies.texts),
    Reader("lists", "list.txt", samples.table, files.read_list, text_lies.texts),
    Reader("filter rules", "rule.yaml", samples.rule, lambda path: read_rule(str(path)), text_lies.yamls),
)  # fmt: skip
