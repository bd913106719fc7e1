"""Small valid files of every kind that the project reads, written by the libraries that usually write them."""

import json
import pickle
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import scipy.io
import torch
from PIL import Image

from clipface.bake.head_fit import HeadFit, white_light
from clipface.data.distribution import FitDistribution
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.persons.person import Person
from clipface.edit.video_mapper import VideoMapper
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.head import HeadModel, load_head
from clipface.head.expressions import ARKIT_NAMES
from clipface.head.mesh import uv_map_hash
from clipface.render import Renderer
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures

DIM, LEVELS, SIZE = 16, 8, 32  # of the tiny generator
SIDE = 9  # vertices along each side of the tiny head
ENCODER = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 12, "width": 16, "heads": 2, "layers": 1},
}


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and triangles [F, 3] of a dome."""
    y, x = np.meshgrid(np.linspace(0.12, -0.12, SIDE), np.linspace(-0.12, 0.12, SIDE), indexing="ij")
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    lower = np.stack([corner, corner + SIDE, corner + SIDE + 1], 1)
    upper = np.stack([corner, corner + SIDE + 1, corner + 1], 1)
    return np.stack([x, y, 0.1 - 4 * (x**2 + y**2)], -1).reshape(-1, 3), np.concatenate([lower, upper])


def head_arrays() -> dict[str, np.ndarray]:
    """A head in FLAME's layout."""
    (vertices, faces), random = grid(), np.random.default_rng(0)
    joints = np.zeros((5, len(vertices)))
    joints[:, len(vertices) // 2] = 1
    return {
        "v_template": vertices, "f": faces.astype(np.uint32),
        "shapedirs": random.normal(0, 1e-4, (len(vertices), 3, 306)).astype(np.float32),
        "posedirs": np.zeros((len(vertices), 3, 36), np.float32), "J_regressor": joints,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "weights": np.eye(5)[np.zeros(len(vertices), int)],
    }  # fmt: skip


def open_head(path: Path) -> None:
    """Write a head as the open one is written."""
    arrays, names = head_arrays(), [f"slot_{number}" for number in range(6)]
    count = len(arrays["v_template"])
    arrays |= {"kintree_table": np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]])}
    np.savez(
        path, **arrays, vt=np.random.default_rng(0).random((count, 2), np.float32), ft=arrays["f"],
        landmark_faces=np.zeros(68, np.int32), landmark_barycentric=np.full((68, 3), 1 / 3, np.float32),
        expression_names=np.array(names), expression_covariance=np.eye(6, dtype=np.float32),
        region_names=np.array(["face", "lips"]), region_masks=np.stack([np.ones(count, bool), np.arange(count) < SIDE]),
    )  # fmt: skip


def flame_pickle(path: Path) -> None:
    """Write a head as FLAME's, its regressor sparse."""
    arrays = head_arrays()
    arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    path.write_bytes(pickle.dumps(arrays, protocol=2))


def obj(path: Path) -> None:
    """Write a mesh with texture coordinates."""
    vertices, faces = grid()
    lines = [f"v {x} {y} {z}" for x, y, z in vertices] + [f"vt {x + 0.5} {y + 0.5}" for x, y, _ in vertices]
    lines += ["f " + " ".join(f"{corner + 1}/{corner + 1}" for corner in face) for face in faces]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def frames() -> dict[str, Any]:
    """FLAME parameters of four frames."""
    random = np.random.default_rng(0)
    return {"expression": random.random((4, 6)), "pose": random.normal(0, 0.1, (4, 6)), "fps": np.array(25.0)}


def deca() -> dict[str, np.ndarray]:
    """DECA's code of one photograph."""
    random = np.random.default_rng(0)
    sizes = {"shape": 100, "exp": 50, "pose": 6, "cam": 3, "tex": 50}
    return {name: random.normal(0, 0.1, (1, size)).astype(np.float32) for name, size in sizes.items()} | {
        "tform": np.eye(3)
    }


def mat(path: Path) -> None:
    """Write DECA's code, compressed."""
    scipy.io.savemat(path, deca(), do_compression=True)


@cache
def generator() -> TextureGenerator:
    """A tiny generator."""
    torch.manual_seed(0)
    return TextureGenerator(SIZE, DIM, DIM, 2, 256, 16)


def weights_of_generator(path: Path) -> None:
    """Write the tiny generator."""
    generator().save(path)


def published_generator(path: Path) -> None:
    """Write the tiny generator under the authors' names."""
    state = {}
    for name, value in generator().state_dict().items():
        name = name.replace("synthesis.const", "synthesis.first_block.const")
        name = name.replace("synthesis.blocks.0.", "synthesis.first_block.")
        for block in range(1, 8):
            name = name.replace(f"synthesis.blocks.{block}.", f"synthesis.blocks.{block - 1}.")
        state[name] = value
    torch.save(state, path)


def mapper(path: Path) -> None:
    """Write a mapper of a run."""
    FaceMapper(LEVELS, DIM, 6).save(path, prompt={"target": "a zombie"}, psi=0.7)


def video_mapper(path: Path) -> None:
    """Write a mapper of animations."""
    VideoMapper(LEVELS, DIM, 6).save(path)


def published_mapper(path: Path) -> None:
    """Write a mapper under the authors' names."""
    states = {}
    for level in range(LEVELS + 2):
        layers = ((f"layers.{n}.weight", torch.randn(DIM, DIM)) for n in range(4))
        states[f"level_{level}"] = dict(layers) | {f"layers.{n}.bias": torch.zeros(DIM) for n in range(4)}
    torch.save(states, path)


def codes(path: Path) -> None:
    """Write codes as the authors'."""
    torch.save(torch.randn(2, LEVELS, DIM), path)


def codes_folder(path: Path) -> None:
    """Write a folder of codes."""
    path.mkdir()
    for number in range(2):
        torch.save(torch.randn(LEVELS, DIM), path / f"{number}.pt")


def codes_npz(path: Path) -> None:
    """Write codes as arrays."""
    arrays = {"w_plus": np.zeros((2, LEVELS, DIM), np.float32), "expression": np.zeros((2, 6), np.float32)}
    np.savez(path, **arrays, **{name: np.array(text) for name, text in avatar().origin.items()})


def encoder(path: Path) -> None:
    """Write a face encoder."""
    save_face_encoder(path, build_face_encoder(ENCODER, "a photo of face zombie clown".split()), ENCODER)


def linear(path: Path) -> None:
    """Write a linear model of textures."""
    LinearTextures(torch.zeros(3, 8, 8), torch.randn(4, 3, 8, 8)).save(path, None, "made for a test")


def distribution(path: Path) -> None:
    """Write the distribution of 20 heads."""
    random = np.random.default_rng(0)
    heads = {"shape": 4, "expression": 4, "pose": 6, "eye_pose": 6, "translation": 2}
    arrays = {name: random.normal(size=(20, size)) for name, size in heads.items()}
    FitDistribution.fit(arrays | {"scale": 1 + random.random(20)}, np.ones(4, bool)).save(path)


def person(path: Path) -> None:
    """Write a person, of the tiny generator."""
    fit = HeadFit(
        torch.zeros(1, 4), torch.zeros(1, 4), torch.zeros(1, 6), torch.zeros(1, 6), torch.ones(1), torch.zeros(1, 2),
        white_light(1), torch.zeros(1, 0),
    )  # fmt: skip
    sizes, notes = torch.tensor([[8, 8]]), avatar().origin | {"error": 0.01}
    square = torch.eye(3, dtype=torch.float64)[None]
    Person(torch.full((3, 8, 8), 0.2), torch.zeros(LEVELS, DIM), fit, square, sizes, notes).save(path)


@cache
def avatar(of_authors: bool = False) -> Avatar:
    """The tiny generator on the tiny head, whose UV map the authors' codes belong to or not."""
    head = head_model(of_authors)
    head.uv_map_changed = not of_authors
    network = generator()
    network.config["uv_map"] = uv_map_hash(head)
    return Avatar(network.eval(), head, Renderer(head.faces, head.uv, head.uv_faces), None, "0" * 64, None)


@cache
def head_model(of_authors: bool = False) -> HeadModel:
    """The tiny head."""
    with TemporaryDirectory() as folder:
        open_head(Path(folder) / "head.npz")
        return load_head(path=Path(folder) / "head.npz")


def keyframes(path: Path) -> None:
    """Write three keyframes."""
    path.write_text(
        "rate: 30\nease: smooth\nkeyframes:\n  - {time: 0, expression: neutral, turn: [0, 0, 0]}\n"
        "  - {time: 0.4, expression: {angry: 0.5, jawOpen: 0.3}, turn: [4, -6, 0], jaw: 3}\n"
        "  - {time: 1.0, expression: [0.1, 0.2], gaze: [1, 2]}\n",
        encoding="utf-8",
    )


def arkit(path: Path) -> None:
    """Write three frames of a face capture."""
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    lines = [",".join(["Timecode", "BlendshapeCount", *names, "HeadYaw", "HeadPitch", "HeadRoll"])]
    for frame in range(3):
        lines.append(",".join([f"00:00:01:{frame:02d}.000", "61", *["0.25"] * len(names), "0.1", "0.0", "-0.1"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def dataset(path: Path) -> None:
    """Write a data set of two faces."""
    create_dataset(path, "open", {"size": SIZE})
    writer, random = ShardWriter(path, 0), np.random.default_rng(0)
    for number in range(2):
        image = random.integers(0, 255, (SIZE, SIZE, 3), np.uint8)
        parameters = {"shape": np.zeros(4), "expression": np.zeros(4), "pose": np.zeros(6), "camera": np.eye(4)}
        parameters = {name: array.astype(np.float32) for name, array in parameters.items()}
        writer.add(
            Face(f"face{number}", image, np.full((SIZE, SIZE), 255, np.uint8), parameters, source=f"{number}.jpg")
        )
    writer.close({"sources": {}})


def attributes(path: Path) -> None:
    """Write a zip of attributes."""
    face = {"faceRectangle": {"width": 9, "height": 9}, "faceAttributes": {"glasses": "NoGlasses", "accessories": []}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"json/{number:05d}.json", json.dumps([face]))


def image(path: Path) -> None:
    """Write an image; the suffix says of which kind."""
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (SIZE, SIZE, 3), np.uint8)).save(path)


def video(path: Path) -> None:
    """Write a video of four frames with sound."""
    import av

    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("mpeg4", rate=25), container.add_stream("aac", rate=16000)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        noise.sample_rate = 16000
        container.mux(sound.encode(noise))
        for each in (stream, sound):
            container.mux(each.encode(None))


def table(path: Path) -> None:
    """Write who is on which photograph."""
    path.write_text("file,person\na.jpg,anna\nb.jpg,bo\n", encoding="utf-8")


def rule(path: Path) -> None:
    """Write a filter rule."""
    path.write_text("least_face: 200\nmost_yaw: 40\nattributes: {unknown: keep}\n", encoding="utf-8")
