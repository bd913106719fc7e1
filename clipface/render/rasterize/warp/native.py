"""What Warp's language has no word for: additions that many CUDA threads make to the same few places, and tiles.

Adding is what the adjoints spend their time on: hundreds of pixels add to one vertex or texel. On CUDA four numbers are
added by one instruction where the card has one (compute capability 9), and threads of a warp that look at the same
triangle add up among themselves first. On the CPU each thread has memory of its own, and these are plain sums.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

TILES = wp.constant(-1)  # value of `start` that asks for tiles instead of rows

_ADD = """
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};"
        :: "l"(target.data + i), "f"(value[0]), "f"(value[1]), "f"(value[2]), "f"(value[3]) : "memory");
#elif defined(__CUDA_ARCH__)
    float* numbers = (float*)(target.data + i);
    for (int k = 0; k < 4; ++k) atomicAdd(numbers + k, value[k]);
#else
    target.data[i] = target.data[i] + value;
#endif
"""

# Sums over the lanes of a warp that hold the same key: in round k every lane takes what the next remaining lane of its
# group has gathered, and every second lane leaves; the first lane of each group ends with the sum.
_ADD_CORNERS = """
#if defined(__CUDA_ARCH__)
    float sums[9] = {a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]};
    const unsigned active = __activemask();
    const unsigned group = __match_any_sync(active, key);
    const unsigned lane = threadIdx.x & 31;
    int rank = __popc(group & ((1u << lane) - 1));
    const bool first = rank == 0;
    unsigned later = group & (0xfffffffeu << lane);
    while (__any_sync(active, later)) {
        const int next = __ffs(later);
        for (int k = 0; k < 9; ++k) {
            const float other = __shfl_sync(active, sums[k], next - 1);
            if (next) sums[k] += other;
        }
        later &= __ballot_sync(active, !(rank & 1));
        rank >>= 1;
    }
    if (!first) return;
    const int places[3] = {i, j, k3};
    for (int k = 0; k < 3; ++k) {
        float* numbers = (float*)(target.data + places[k]);
#if __CUDA_ARCH__ >= 900
        asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};"
            :: "l"(numbers), "f"(sums[3 * k]), "f"(sums[3 * k + 1]), "f"(0.0f), "f"(sums[3 * k + 2]) : "memory");
#else
        atomicAdd(numbers, sums[3 * k]);
        atomicAdd(numbers + 1, sums[3 * k + 1]);
        atomicAdd(numbers + 3, sums[3 * k + 2]);
#endif
    }
#else
    const int places[3] = {i, j, k3};
    const wp::vec_t<3, float> sums[3] = {a, b, c};
    for (int k = 0; k < 3; ++k) {
        float* numbers = (float*)(target.data + places[k]);
        numbers[0] += sums[k][0];
        numbers[1] += sums[k][1];
        numbers[3] += sums[k][2];
    }
#endif
"""


@wp.func_native(_ADD)
def add(target: wp.array(dtype=wp.vec4), i: int, value: wp.vec4):
    """Add to target[i]."""
    ...


@wp.func_native(_ADD_CORNERS)
def add_corners(target: wp.array(dtype=wp.vec4), key: int, i: int, j: int, k3: int, a: wp.vec3, b: wp.vec3, c: wp.vec3):
    """Add a, b, c to the (x, y, w) of target[i], target[j], target[k3]; equal keys must mean equal i, j, k3."""
    ...


@wp.func
def place(i: int, start: int, width: int):
    """The pixel of thread i: its row, its column, and its place among all.

    Pixels count from `start`, which is how CPU threads share an image. On CUDA, tiles of 8 x 4 pixels keep the threads
    of one warp close together, on few triangles and texels.
    """
    if start != TILES:
        pixel = i + start
        row = pixel / width
        return row, pixel - row * width, pixel
    band = i / (4 * width)
    within = i - band * 4 * width
    lane = within & 31
    row = 4 * band + (lane >> 3)
    column = ((within >> 5) << 3) + (lane & 7)
    return row, column, row * width + column
