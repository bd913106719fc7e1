"""Warp kernels that put what is drawn over a background, and take it from rows of pixels to planes."""

import warp as wp

from clipface.render.rasterize.warp_native import place

wp.set_module_options({"enable_backward": False})


@wp.kernel
def compose(
    start: int,
    drawn: wp.array(dtype=float),
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
    """Colours plus what the mask leaves of the background, which is `number` where there is no array."""
    row, column = wp.tid()
    row, column = place(row, column, start, width)
    picture = row / height
    line = row - picture * height
    pixel = (row * width + column) * (channels + 1)
    own = drawn[pixel + channels]
    plane = height * width
    out = picture * channels * plane + line * width + column
    behind = picture * image_step + line * row_step + column * column_step
    for c in range(channels):
        back = number
        if background:
            back = background[behind + c * channel_step]
        image[out + c * plane] = drawn[pixel + c] + (1.0 - own) * back
    mask[row * width + column] = own


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
):
    """The adjoint of `compose` to what is drawn; a gradient that nobody has is an empty array."""
    row, column = wp.tid()
    row, column = place(row, column, start, width)
    picture = row / height
    line = row - picture * height
    pixel = (row * width + column) * (channels + 1)
    plane = height * width
    at = picture * channels * plane + line * width + column
    behind = picture * image_step + line * row_step + column * column_step
    g_own = wp.float32(0.0)
    if g_mask:
        g_own = g_mask[row * width + column]
    for c in range(channels):
        g = wp.float32(0.0)
        if g_image:
            g = g_image[at + c * plane]
            back = number
            if background:
                back = background[behind + c * channel_step]
            g_own -= g * back
        g_drawn[pixel + c] = g
    g_drawn[pixel + channels] = g_own
