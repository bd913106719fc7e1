"""Random faces and views: a domain, a seed and an index identify each one, whatever their number and the device.

Domains never share a face: what a mapper was trained on is not what users, validation or evaluation see. A face is one
of the people of the generator (`clipface.edit.people`) with their own head; a generator without people gives textures
of z from N(0, I) and heads that know nothing of them.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.avatar import FRONT_SCALE, Avatar, Faces
from clipface.edit.mapper import Codes
from clipface.render.backgrounds import coarse_backgrounds
from clipface.render.camera import random_views, view
from clipface.render.jitter import random_warps, warp_image
from clipface.settings import Jitter

IDENTITY_SPREAD = 0.5  # real people are nearer to the mean head than the model's N(0, 1)
DOMAINS = ("training", "validation", "evaluation", "frames", "users")  # their order is part of every seed
FACE_SCALES = (1.0, 1.4)  # of random views: words about faces are about the face, not about the neck
Domain = Literal["training", "validation", "evaluation", "frames", "users"]


class Views(NamedTuple):
    """What random views vary in, around the front."""

    count: int
    max_yaw: float = 0.0  # degrees to each side
    max_pitch: float = 0.0  # degrees up and down
    jitter: Jitter = Jitter()


def sample_views(views: Views, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Sample views from around the front.

    Args:
        views: how many, and what varies.
        generator: source of randomness.

    Returns:
        Cameras [count, 4, 4], and backgrounds [count, 3, h, w] in 0..1 to be enlarged, or None if all are white; both
        on the generator's device.
    """
    count, max_yaw, max_pitch, jitter = views
    camera = random_views(count, generator, max_yaw, max_pitch, scale=FACE_SCALES, lens=jitter.lens)
    if jitter.crop or jitter.tilt:
        camera = warp_image(camera, random_warps(count, generator, jitter.crop, jitter.tilt))
    background = coarse_backgrounds(count, generator, 1 - jitter.background) if jitter.background else None
    return camera, background


def sample_latents(avatar: Avatar, seeds: Sequence[int], psi: float) -> Codes:
    """Sample the faces of neutral expression that users know by a number, each from its own seed alone.

    Args:
        avatar: for which.
        seeds: one for each face.
        psi: truncation of the textures: 0 the mean one, 1 the generator's full variety.

    Returns:
        Codes on the avatar's device.
    """
    return _neutral_codes(avatar, [_users_face(avatar, seed) for seed in seeds], psi)


def sample_faces(
    avatar: Avatar,
    indices: Sequence[int],
    psi: float,
    domain: Domain,
    seed: int = 0,
    views: Views | None = None,
    known: Codes | None = None,
) -> Faces:
    """Sample faces of neutral expression, and where each is seen from.

    Args:
        avatar: for which.
        indices: one for each face; the same index is the same face with the same views.
        psi: truncation of the textures: 0 the mean one, 1 the generator's full variety.
        domain: whose faces; see above.
        seed: of the run; another one gives other faces.
        views: random views of each face; None: one frontal view.
        known: take these faces in turn, in the place of random ones.

    Returns:
        Faces on the avatar's device.
    """
    drawn, cameras, backgrounds = [], [], []
    for index in indices:
        random = random_of(domain, seed, index)
        drawn.append(sample_face(avatar, random))
        if views is None:
            camera, background = view(torch.zeros(1), torch.zeros(1), FRONT_SCALE), None
        else:
            camera, background = sample_views(views, torch.Generator().manual_seed(int(random.integers(2**32))))
        cameras.append(camera)
        backgrounds.append(background)
    device = avatar.head.v_template.device
    if known is None:
        codes = _neutral_codes(avatar, drawn, psi)
    else:
        codes = known.rows([index % len(known.shape) for index in indices]).to(device)
    shown = None if backgrounds[0] is None else torch.cat(backgrounds).to(device)
    return Faces(codes, torch.cat(cameras).to(device), shown)


def random_of(domain: Domain, seed: int, index: int) -> np.random.Generator:
    """The source of everything that is random of one face.

    NumPy hashes all three numbers into its state; PyTorch's generator on a CPU reads but 32 bits of a seed, so that
    faces of two domains would meet now and then.
    """
    return np.random.default_rng((DOMAINS.index(domain), seed % 2**64, index))


def _users_face(avatar: Avatar, seed: int) -> tuple[Tensor, Tensor]:
    if avatar.people is not None:
        return avatar.people.sample(random_of("users", 0, seed))
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(avatar.generator.config["z_dim"], generator=random)
    return z, IDENTITY_SPREAD * torch.randn(avatar.head.n_shape, generator=random)


def sample_face(avatar: Avatar, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Sample the first entries of z, and of the identity coefficients; the others are 0."""
    if avatar.people is not None:
        return avatar.people.sample(random)
    return _normal(random, avatar.generator.config["z_dim"]), IDENTITY_SPREAD * _normal(random, avatar.head.n_shape)


def _normal(random: np.random.Generator, count: int) -> Tensor:
    return torch.from_numpy(random.standard_normal(count, np.float32))


@torch.no_grad()
def _neutral_codes(avatar: Avatar, faces: Sequence[tuple[Tensor, Tensor]], psi: float) -> Codes:
    device = avatar.head.v_template.device
    sizes = avatar.generator.config["z_dim"], avatar.head.n_shape
    z, shape = (_padded(parts, size).to(device) for parts, size in zip(zip(*faces, strict=True), sizes, strict=True))
    with torch.autocast(device.type, enabled=False):  # the same faces whatever the precision of a run
        w_plus = avatar.generator.mapping(z, psi).contiguous()
    return Codes(w_plus, w_plus.new_zeros(len(z), avatar.head.n_expression), shape)


def _padded(parts: Sequence[Tensor], size: int) -> Tensor:
    rows = torch.stack(parts)
    return functional.pad(rows, (0, size - rows.shape[1]))
