"""Warp kernels that put what is drawn over a background, and take it from rows of pixels to planes."""

import warp as wp

from clipface.render.rasterize.warp.native import place

wp.set_module_options({"enable_backward": False})


@wp.func
def behind_of(background: wp.array(dtype=float), number: float, at: int):
    """The background at a place: `number` where there is no array."""
    if background:
        return background[at]
    return number


@wp.kernel
def compose(
    start: int,
    drawn: wp.array(dtype=float),
    vectors: wp.array(dtype=wp.vec4),
    background: wp.array(dtype=float),
    number: float,
    image_step: int,
    channel_step: int,
    row_step: int,
    column_step: int,
    channels: int,
    height: int,
    width: int,
    image: wp.array(dtype=float),
    mask: wp.array(dtype=float),
):
    """Colours plus what the mask leaves of the background, which is `number` where there is no array.

    Where a pixel has four numbers, `vectors` is the same memory as `drawn`.
    """
    row, column = place(wp.tid(), start, width)
    frame = row / height
    line = row - frame * height
    pixel = row * width + column
    plane = height * width
    out = frame * channels * plane + line * width + column
    behind = frame * image_step + line * row_step + column * column_step
    if vectors:
        whole = vectors[pixel]
        for c in range(3):
            back = behind_of(background, number, behind + c * channel_step)
            image[out + c * plane] = whole[c] + (1.0 - whole[3]) * back
        mask[pixel] = whole[3]
        return
    own = drawn[pixel * (channels + 1) + channels]
    for c in range(channels):
        back = behind_of(background, number, behind + c * channel_step)
        image[out + c * plane] = drawn[pixel * (channels + 1) + c] + (1.0 - own) * back
    mask[pixel] = own


@wp.kernel
def compose_backward(
    start: int,
    background: wp.array(dtype=float),
    number: float,
    image_step: int,
    channel_step: int,
    row_step: int,
    column_step: int,
    channels: int,
    height: int,
    width: int,
    g_image: wp.array(dtype=float),
    g_mask: wp.array(dtype=float),
    g_drawn: wp.array(dtype=float),
    g_vectors: wp.array(dtype=wp.vec4),
):
    """The adjoint of `compose` to what is drawn; a gradient that nobody has is an empty array."""
    row, column = place(wp.tid(), start, width)
    image = row / height
    line = row - image * height
    pixel = row * width + column
    plane = height * width
    at = image * channels * plane + line * width + column
    behind = image * image_step + line * row_step + column * column_step
    g_own = wp.float32(0.0)
    if g_mask:
        g_own = g_mask[pixel]
    if g_vectors:
        g = wp.vec3(0.0, 0.0, 0.0)
        if g_image:
            g = wp.vec3(g_image[at], g_image[at + plane], g_image[at + 2 * plane])
            for c in range(3):
                g_own -= g[c] * behind_of(background, number, behind + c * channel_step)
        g_vectors[pixel] = wp.vec4(g[0], g[1], g[2], g_own)
        return
    for c in range(channels):
        one = wp.float32(0.0)
        if g_image:
            one = g_image[at + c * plane]
            g_own -= one * behind_of(background, number, behind + c * channel_step)
        g_drawn[pixel * (channels + 1) + c] = one
    g_drawn[pixel * (channels + 1) + channels] = g_own
