"""Random people of a texture generator, as they are or with a look, for the encoder to know what edits show."""

import random

import torch
from torch import Tensor

from clipface.edit.attributes import FAINT, look_offsets, look_options
from clipface.edit.avatar import Avatar
from clipface.edit.sampling import sample_latents
from clipface.synthetic.attributes import CHOICES, Attributes, sample_attributes
from clipface.synthetic.faces import random_cameras
from clipface.synthetic.identity import sample_expression, sample_pose

PLAIN_SHARE = 0.4  # of the people, who have no look
SEEDS = 2**31


class GeneratedFaces:
    """An endless source of random people with looks.

    Args:
        avatar: generator, head and renderer, all on the device to render on.
        psi: truncation of the textures.
    """

    def __init__(self, avatar: Avatar, psi: float) -> None:
        self.avatar, self.psi = avatar, psi
        device, offsets = avatar.head.v_template.device, look_offsets()
        self.looks = [
            (option, offsets[name].to(device)) for name, option in look_options().items()
            if name not in FAINT and option[1] in CHOICES.get(option[0], ())
        ]  # fmt: skip

    @torch.no_grad()
    def sample(
        self, count: int, rng: random.Random, size: int, max_yaw: float, zoom: tuple[float, float]
    ) -> tuple[Tensor, list[Attributes], list[tuple[str, ...]]]:
        """Render people.

        Args:
            count: N.
            rng: source of all randomness.
            size: side of the images, pixels.
            max_yaw, zoom: of the views (see `clipface.synthetic.faces.random_cameras`).

        Returns:
            Images [N, 4, S, S] in 0..1 (colour on black, and mask), what the faces are, and of each the attributes that
            nobody knows.
        """
        avatar, device = self.avatar, self.avatar.head.v_template.device
        codes = sample_latents(avatar, [rng.randrange(SEEDS) for _ in range(count)], self.psi)
        w_plus, faces, unknown = codes.w_plus.clone(), [], []
        for row in w_plus:
            known = {"expression": sample_attributes(rng, {"look": "none"}).expression}
            if rng.random() >= PLAIN_SHARE:
                (name, value), offset = rng.choice(self.looks)
                known[name] = value
                row += offset
            faces.append(Attributes(**known))
            unknown.append(tuple(name for name in CHOICES if name not in (*known, "look")))
        generator = torch.Generator(device).manual_seed(rng.randrange(SEEDS))
        expression = sample_expression(faces, avatar.head, generator)
        neck_pose, eye_pose = sample_pose(count, generator, device)
        vertices = avatar.head(codes.shape, expression, w_plus.new_zeros(count, 6), neck_pose, eye_pose)
        camera = random_cameras(count, generator, max_yaw, zoom)
        texture = avatar.texture(w_plus)
        image, mask = avatar.renderer(vertices, texture, camera, size, 0.0)
        return torch.cat([image, mask], 1).clamp(0, 1), faces, unknown
