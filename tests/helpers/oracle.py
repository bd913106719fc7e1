"""The rasteriser's verbs in slow, obvious float64 PyTorch, with coverage given: what the kernels are judged by."""

import torch
from torch import Tensor
from torch.nn import functional


def centres(size: tuple[int, int]) -> Tensor:
    """Clip coordinates (x, y, 1) of the pixel centres [H, W, 3]."""
    height, width = size
    y, x = torch.meshgrid(
        (2 * torch.arange(height).double() + 1) / height - 1,
        (2 * torch.arange(width).double() + 1) / width - 1,
        indexing="ij",
    )
    return torch.stack([x, y, torch.ones_like(x)], -1)


def cover(clip: Tensor, faces: Tensor, size: tuple[int, int], shift: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Nearest triangle + 1 [B, H, W] at the pixel centres, or at places that many pixels from them."""
    corners = clip.double()[:, faces.long()][..., [0, 1, 3]]  # [B, F, 3, 3]
    places = centres(size) + torch.tensor([2 * shift[0] / size[1], 2 * shift[1] / size[0], 0.0])
    weights = torch.einsum("hwi,bfij->bhwfj", places.double(), torch.linalg.inv(corners))  # point = weights @ corners
    total = weights.sum(-1)  # 1 / w
    depth = (weights * clip.double()[:, faces.long()][:, None, None, :, :, 2]).sum(-1)
    inside = (weights / total.unsqueeze(-1) >= 0).all(-1) & (total > 0) & (depth.abs() <= 1)
    return torch.where(inside.any(-1), torch.where(inside, depth, torch.inf).argmin(-1) + 1, 0)


def shade(clip: Tensor, faces: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """(u, v) [B, H, W, 2] and their derivatives [B, H, W, 4] for given triangles + 1; differentiable in `clip`."""
    batch, height, width = seen.shape
    face = (seen - 1).clamp(min=0).long()
    index = faces.long()[face]  # [B, H, W, 3]
    corners = clip[torch.arange(batch)[:, None, None, None], index][..., [0, 1, 3]]  # [B, H, W, 3, 3]
    corners = torch.where((seen > 0)[..., None, None], corners, torch.eye(3, dtype=clip.dtype))
    inverse = torch.linalg.inv(corners)  # point = weights @ corners
    weights = (centres((height, width)).unsqueeze(-2) @ inverse).squeeze(-2)
    total = torch.where((seen > 0).unsqueeze(-1), weights.sum(-1, keepdim=True), 1.0)
    share = weights / total
    slopes = []
    for axis, pixels in ((0, width), (1, height)):
        change = inverse[..., axis, :] * (2 / pixels)
        slopes.append((change - share * change.sum(-1, keepdim=True)) / total)
    derivatives = torch.stack([slopes[0][..., 0], slopes[1][..., 0], slopes[0][..., 1], slopes[1][..., 1]], -1)
    mask = (seen > 0).unsqueeze(-1)
    return share[..., :2] * mask, derivatives * mask


def interpolate(attributes: Tensor, faces: Tensor, seen: Tensor, uv: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Values [B, H, W, C] and derivatives [B, H, W, 2C]."""
    batch = seen.shape[0]
    index = faces.long()[(seen - 1).clamp(min=0).long()]
    corners = attributes.expand(batch, -1, -1)[torch.arange(batch)[:, None, None, None], index]  # [B, H, W, 3, C]
    weights = torch.cat([uv, 1 - uv.sum(-1, keepdim=True)], -1)
    mask = (seen > 0).unsqueeze(-1)
    values = (weights.unsqueeze(-1) * corners).sum(-2)
    along = [corners[..., 0, :] - corners[..., 2, :], corners[..., 1, :] - corners[..., 2, :]]
    dx = slopes[..., 0:1] * along[0] + slopes[..., 2:3] * along[1]
    dy = slopes[..., 1:2] * along[0] + slopes[..., 3:4] * along[1]
    return values * mask, torch.stack([dx, dy], -1).flatten(-2) * mask


def bilinear(level: Tensor, uv: Tensor, boundary: str) -> Tensor:
    """Look up one level [B, Ht, Wt, C] at uv [B, H, W, 2]."""
    batch, height, width, _ = level.shape
    sizes = torch.tensor([width, height], dtype=uv.dtype)
    at = (uv - uv.floor()) * sizes - 0.5 if boundary == "wrap" else (uv * sizes - 0.5).clamp(min=0).minimum(sizes - 1)
    low = at.detach().floor()
    place = at - low
    total = 0
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = low[..., 0].long() + dx, low[..., 1].long() + dy
            x = x % width if boundary == "wrap" else x.clamp(max=width - 1)
            y = y % height if boundary == "wrap" else y.clamp(max=height - 1)
            weight = (place[..., 0] if dx else 1 - place[..., 0]) * (place[..., 1] if dy else 1 - place[..., 1])
            total = total + weight.unsqueeze(-1) * level[torch.arange(batch)[:, None, None], y, x]
    return total


def sample(texture: Tensor, uv: Tensor, slopes: Tensor | None, boundary: str, levels: int, bias: float = 0.0) -> Tensor:
    """Trilinear look-up over `levels` levels, `bias` levels off; texture [B or 1, Ht, Wt, C]."""
    texture = texture.expand(uv.shape[0], -1, -1, -1)
    if slopes is None:
        return bilinear(texture, uv, boundary)
    height, width = texture.shape[1:3]
    per_pixel = slopes * torch.tensor([width, width, height, height], dtype=slopes.dtype)
    jacobian = per_pixel.unflatten(-1, (2, 2))  # rows u, v; columns X, Y
    gram = jacobian.transpose(-1, -2) @ jacobian
    half, difference = (gram[..., 0, 0] + gram[..., 1, 1]) / 2, (gram[..., 0, 0] - gram[..., 1, 1]) / 2
    major = half + (difference**2 + gram[..., 0, 1] ** 2).clamp(min=1e-30).sqrt()
    level = (0.5 * major.clamp(min=1e-30).log2() + bias).clamp(0, levels - 1)
    colour = 0
    for i in range(levels):
        colour = colour + (1 - (level - i).abs()).clamp(min=0).unsqueeze(-1) * bilinear(texture, uv, boundary)
        if i + 1 < levels:
            step = (2 if texture.shape[1] > 1 else 1, 2 if texture.shape[2] > 1 else 1)
            texture = functional.avg_pool2d(texture.permute(0, 3, 1, 2), step).permute(0, 2, 3, 1)
    return colour


def antialias(image: Tensor, rast: Tensor, clip: Tensor, faces: Tensor) -> Tensor:
    """Blend silhouettes, pixel pair by pixel pair."""
    blended = image.clone()
    batch, height, width, _ = image.shape
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for f, triangle in enumerate(faces.tolist()):
        for k in range(3):
            a, b = triangle[(k + 1) % 3], triangle[(k + 2) % 3]
            edges.setdefault((min(a, b), max(a, b)), []).append((f, triangle[k]))
    for b in range(batch):
        scale = torch.tensor([width / 2, height / 2], dtype=clip.dtype)
        points = clip[b, :, :2] / clip[b, :, 3:] * scale
        for y in range(height):
            for x in range(width):
                for axis in (0, 1):
                    other = (y, x + 1) if axis == 0 else (y + 1, x)
                    if other[0] < height and other[1] < width:
                        _blend_pair(blended, image, rast, points, faces, edges, b, (y, x), other, axis)
    return blended


def _blend_pair(blended, image, rast, points, faces, edges, b, first, second, axis) -> None:
    here, there = rast[b, first[0], first[1]], rast[b, second[0], second[1]]
    if here[3] == there[3]:
        return
    owner_is_first = here[3] > 0 and not (there[3] > 0 and there[2] <= here[2])
    face = int((here if owner_is_first else there)[3]) - 1
    y, x = first if owner_is_first else second
    side = 1.0 if owner_is_first else -1.0
    centre = torch.tensor([x + 0.5 - image.shape[2] / 2, y + 0.5 - image.shape[1] / 2], dtype=points.dtype)
    moved = points - centre
    if axis == 1:
        moved = moved.flip(1)
    triangle = faces[face].tolist()
    best = None
    for k in range(3):
        a, c = triangle[(k + 1) % 3], triangle[(k + 2) % 3]
        if (moved[a, 1] < 0) != (moved[c, 1] < 0):
            run = (moved[c, 0] - moved[a, 0]) / (moved[c, 1] - moved[a, 1])
            distance = side * (moved[a, 0] - moved[a, 1] * run)
            if best is None or distance > best[0]:
                best = (distance, k, a, c)
    if best is None or not -1 / 16 <= best[0] <= 1 + 1 / 16:
        return
    distance, k, a, c = best
    beyond = [tip for f, tip in edges[(min(a, c), max(a, c))] if f != face]
    if (moved[c, 1] - moved[a, 1]).abs() < (moved[c, 0] - moved[a, 0]).abs():
        return
    if beyond and (_area(moved[beyond[0]], moved[a], moved[c]) < 0) != (_area(*(moved[i] for i in triangle)) < 0):
        return
    weight = side * (0.5 - distance.clamp(0, 1))
    target = first if weight > 0 else second
    change = weight * (image[b, second[0], second[1]] - image[b, first[0], first[1]])
    mask = torch.zeros_like(blended)
    mask[b, target[0], target[1]] = 1
    blended.add_(mask * change)


def _area(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
