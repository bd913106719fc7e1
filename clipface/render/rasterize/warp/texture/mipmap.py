"""Warp kernels of texture pyramids: each level is the 2 x 2 box average of the one before.

A pyramid is one flat array [B, T, G] of vec4: the texture first, then each smaller level; four channels a group, the
last one filled up with zeros.
"""

import warp as wp

from clipface.render.rasterize.warp.texture.texels import fetched, stored

wp.set_module_options({"enable_backward": False})


@wp.func
def quarter(x: int, y: int, corner: int, width: int, height: int):
    """One of the four texels under texel (x, y) of the next level; an axis of one texel is not halved."""
    return wp.min(2 * y + corner / 2, height - 1) * width + wp.min(2 * x + corner % 2, width - 1)


@wp.kernel
def begin(
    start: int,
    texture: wp.array(dtype=float),
    steps: wp.vec4i,
    channels: int,
    width: int,
    height: int,
    texels: int,
    coarse: int,
    coarser: int,
    pyramid: wp.array(dtype=wp.vec4),
):
    """Copy the texture into level 0, and average it into the level at `coarse` and that into the one at `coarser`,
    unless these are 0; a thread takes a block of 4 x 4 texels. Images, rows, columns and channels lie `steps` apart."""
    i = wp.tid() + start
    groups = (channels + 3) / 4
    block = i / groups
    group = i - block * groups
    across = (width + 3) / 4
    down = (height + 3) / 4
    line = block / across
    column = block - line * across
    image = line / down
    row = line - image * down
    base = image * texels
    first = image * steps[0] + 4 * group * steps[3]
    half_width = (width + 1) / 2
    half_height = (height + 1) / 2
    whole = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for j in range(4):
        x1 = wp.min(2 * column + j % 2, half_width - 1)  # beyond a border the last texel is made once more
        y1 = wp.min(2 * row + j / 2, half_height - 1)
        total = wp.vec4(0.0, 0.0, 0.0, 0.0)
        for corner in range(4):
            x = wp.min(2 * x1 + corner % 2, width - 1)
            y = wp.min(2 * y1 + corner / 2, height - 1)
            value = fetched(texture, first + y * steps[1] + x * steps[2], steps[3], channels - 4 * group)
            pyramid[(base + y * width + x) * groups + group] = value
            total += value
        total = 0.25 * total
        if coarse > 0:
            pyramid[(base + coarse + y1 * half_width + x1) * groups + group] = total
        whole += total
    if coarser > 0:
        pyramid[(base + coarser + row * ((half_width + 1) / 2) + column) * groups + group] = 0.25 * whole


@wp.kernel
def halve(
    start: int,
    groups: int,
    texels: int,
    fine: int,
    fine_width: int,
    fine_height: int,
    coarse: int,
    coarser: int,
    pyramid: wp.array(dtype=wp.vec4),
):
    """Average the level at `fine` into the one at `coarse`, and that into the one at `coarser`, unless that is 0."""
    image, i = wp.tid()
    base = (image + start) * texels
    block = i / groups
    group = i - block * groups
    width = wp.max(fine_width / 2, 1)
    height = wp.max(fine_height / 2, 1)
    across = (width + 1) / 2
    y = block / across
    x = block - y * across
    whole = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for j in range(4):
        x1 = wp.min(2 * x + j % 2, width - 1)  # beyond a border the last texel is made once more
        y1 = wp.min(2 * y + j / 2, height - 1)
        total = wp.vec4(0.0, 0.0, 0.0, 0.0)
        for corner in range(4):
            total += pyramid[(base + fine + quarter(x1, y1, corner, fine_width, fine_height)) * groups + group]
        total = 0.25 * total
        pyramid[(base + coarse + y1 * width + x1) * groups + group] = total
        whole += total
    if coarser > 0:
        pyramid[(base + coarser + y * across + x) * groups + group] = 0.25 * whole


@wp.func
def gathered(
    gradient: wp.array(dtype=wp.vec4), base: int, levels: int, x: int, y: int, width: int, height: int, group: int,
    groups: int,
):  # fmt: skip
    """A texel's share of the gradient of its own level, which begins at `base`, and of the smaller ones."""
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    share = wp.float32(1.0)
    for _level in range(levels):
        total += share * gradient[(base + y * width + x) * groups + group]
        base += width * height
        if width > 1:
            width = width / 2
            x = x / 2
            share = 0.5 * share
        if height > 1:
            height = height / 2
            y = y / 2
            share = 0.5 * share
    return total


@wp.kernel
def collapse_coarse(
    start: int,
    gradient: wp.array(dtype=wp.vec4),
    first: int,
    levels: int,
    groups: int,
    width: int,
    height: int,
    texels: int,
):
    """Gather the gradient of `levels` levels, in place, in the first of them."""
    line, i = wp.tid()
    image = (line + start) / height
    y = line + start - image * height
    base = image * texels + first
    x = i / groups
    group = i - x * groups
    total = gathered(gradient, base, levels, x, y, width, height, group, groups)
    gradient[(base + y * width + x) * groups + group] = total


@wp.kernel
def collapse(
    start: int,
    gradient: wp.array(dtype=wp.vec4),
    levels: int,
    steps: wp.vec4i,
    channels: int,
    width: int,
    height: int,
    texels: int,
    g_texture: wp.array(dtype=float),
):
    """The adjoint of the full pyramid: each texel of level 0 gathers its share of every level's gradient."""
    line, i = wp.tid()
    image = (line + start) / height
    y = line + start - image * height
    groups = (channels + 3) / 4
    x = i / groups
    group = i - x * groups
    first = image * steps[0] + y * steps[1] + x * steps[2] + 4 * group * steps[3]
    total = gathered(gradient, image * texels, levels, x, y, width, height, group, groups)
    stored(g_texture, first, steps[3], channels - 4 * group, total)
