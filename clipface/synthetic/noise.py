"""Random fields on the head's surface: a bank of smooth fields over 3D rest positions, mixed anew for each face.

A field is a function of the 3D position and not of the UV coordinate, so that it has no seams and one physical scale
everywhere. A weighted sum of independent Gaussian fields is again such a field, so a batch of new fields is one
matrix product with the bank: cheap on any device.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from clipface.synthetic.face.features import Features

_LATTICE = 24  # cells of the random lattice; it repeats beyond


def lattice_noise(points: Tensor, generator: torch.Generator) -> Tensor:
    """Smooth random field with a lattice of period 1 in `points`, about N(0, 1).

    Args:
        points: [N, 3] positions in lattice cells (any unit, already divided by the wavelength).
        generator: source of randomness, on the device of `points`.
    Returns:
        [N] values.
    """
    device = points.device
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator, device=device))[0]
    shift = torch.rand(3, generator=generator, device=device) * _LATTICE
    turned = (points[:, None] * turn).sum(-1)  # no matrix product, which TF32 would make coarse
    return plain_lattice_noise(turned + shift, generator)


def plain_lattice_noise(points: Tensor, generator: torch.Generator) -> Tensor:
    """`lattice_noise` without the random rotation: keeps a stretch along an axis (hair, creases)."""
    values = torch.randn(_LATTICE, _LATTICE, _LATTICE, generator=generator, device=points.device)
    cell = points.floor()
    blend = points - cell
    place = cell % _LATTICE + blend * blend * (3 - 2 * blend)
    closed = functional.pad(values[None, None], (0, 1) * 3, mode="circular")  # the first cells again after the last
    grid = (place.flip(1) * (2 / _LATTICE) - 1).view(1, 1, 1, -1, 3)
    result = functional.grid_sample(closed, grid, align_corners=True).flatten()
    return (result - result.mean()) / result.std().clamp_min(1e-6)


class NoiseBank:
    """Fields of several wavelengths, mixed into independent fields for each face; made when first sampled."""

    def __init__(self, position: Tensor, wavelengths: dict[str, float], size: int, seed: int = 0) -> None:
        """Say what is in the bank.

        Args:
            position: [R, R, 3] rest position of each texel, metres.
            wavelengths: name → wavelength, metres.
            size: fields per wavelength; more means more variety.
            seed: of the fields.
        """
        generator = torch.Generator(position.device).manual_seed(seed)
        self.resolution = position.shape[0]
        points = position.reshape(-1, 3)
        self._makers: dict[str, Callable[[], Tensor]] = {}
        self._fields: dict[str, Tensor] = {}
        for name, wavelength in wavelengths.items():
            self._makers[name] = partial(_fields, points, wavelength, size, generator.get_state())
            for _ in range(size):
                lattice_noise(points[:2], generator)  # the same random numbers as of all points, at no cost

    def add(self, name: str, coordinates: Tensor, size: int, seed: int) -> None:
        """Add a family over other coordinates [R, R, 3], in cells: stretched ones give strands and creases."""
        self._makers[name] = partial(_plain_fields, coordinates.reshape(-1, 3), size, seed)

    def sample(self, name: str, batch: int, generator: torch.Generator) -> Tensor:
        """New fields of one wavelength.

        Returns:
            [batch, 1, R, R], about N(0, 1).
        """
        if name not in self._fields:
            self._fields[name] = self._makers[name]()
        fields = self._fields[name]
        weights = torch.randn(batch, len(fields), generator=generator, device=fields.device)
        mixed = functional.normalize(weights, dim=1) @ fields
        return mixed.view(batch, 1, self.resolution, self.resolution)

    def fractal(self, names: tuple[str, ...], batch: int, generator: torch.Generator, falloff: float = 0.6) -> Tensor:
        """Sum of several wavelengths, each `falloff` times weaker than the one before; about N(0, 1)."""
        shares = [falloff**octave for octave in range(len(names))]
        scale = sum(share**2 for share in shares) ** -0.5
        return scale * sum(
            share * self.sample(name, batch, generator) for share, name in zip(shares, names, strict=True)
        )


def _fields(points: Tensor, wavelength: float, size: int, state: Tensor) -> Tensor:
    """[size, N], with the random numbers that follow a generator's state."""
    generator = torch.Generator(points.device)
    generator.set_state(state)
    return torch.stack([lattice_noise(points / wavelength, generator) for _ in range(size)])


def _plain_fields(points: Tensor, size: int, seed: int) -> Tensor:
    generator = torch.Generator(points.device).manual_seed(seed)
    shifts = torch.rand(size, 3, generator=generator, device=points.device) * _LATTICE
    return torch.stack([plain_lattice_noise(points + shift, generator) for shift in shifts])


def stretched_coordinates(at: Features, iris_angle: float) -> dict[str, Tensor]:
    """Noise family → coordinates [R, R, 3] in cells; a cell is long along a strand and narrow across it.

    Args:
        at: maps of the face.
        iris_angle: radius of the iris seen from the eye's centre, radians.
    """
    x, y, z = at.position.unbind(-1)
    zero = torch.zeros_like(x)
    along, height = at.brow_along[0, 0] * 45, at.brow_height[0, 0]
    slope = 1.1 - 0.9 * along / 45  # radians: brow hairs rise at the inner end and lie level at the outer one
    brow_across = along * slope.sin() - height * slope.cos()
    brow_down = along * slope.cos() + height * slope.sin()
    ear = at.surface.ear_centre / at.scale
    up, forward = y - ear[1] - 20, z - ear[2] - 20
    latitude = torch.atan2(x, (up**2 + forward**2).sqrt()) * 90  # combed back: circles around the axis of the ears
    longitude = torch.atan2(up, forward) * 90
    azimuth = torch.atan2(x, z - ear[2] + 10) * 75
    turn, angle = at.iris_turn[0, 0], at.iris_angle[0, 0]
    # fur flows from the bridge of the nose outwards, alike on both sides
    flow_x, flow_y = azimuth.abs(), y - at.nose_tip[1] - 14
    flow, bearing = (flow_x**2 + flow_y**2 + 30).sqrt(), torch.atan2(flow_y, flow_x)
    bearing = bearing + 0.05 * torch.sin(flow / 9) + 0.04 * torch.sin(y / 5)
    fur = torch.stack([bearing.cos() * 62, bearing.sin() * 62, flow / 9], -1)
    folded = torch.stack([x.abs(), y, z], -1)
    return {
        "fur": fur,
        "tuft": fur * torch.tensor([0.35, 0.35, 0.6], device=fur.device),
        "even": folded / 20,  # alike on both sides, as a design is
        "dots": folded / 2.6,
        "lips": torch.stack([x / 1.7, y / 9, z / 9], -1),
        "lashes": torch.stack([x / 1.3, y / 5, z / 5], -1),
        "brow": torch.stack([brow_across / 1.5, brow_down / 9, x.sign() * 5], -1),
        "scalp": torch.stack([latitude / 1.7, longitude / 30, zero], -1),
        "beard": torch.stack([(azimuth + 1.5 * torch.sin(y / 6)) / 1.6, y / 12, z / 40], -1),
        "drip": torch.stack([x / 2.6, y / 300, z / 300], -1),
        "eye_veins": at.eye_ray * 8,
        "iris": torch.stack([turn.cos() * 4.5, turn.sin() * 4.5, angle / iris_angle * 1.3 + x.sign() * 5], -1),
        "stroke": torch.stack([(x + 6 * (y / 14).sin()) / 16, (y + 7 * (x.abs() / 15).sin()) / 2.8, z / 16], -1),
    }
