"""Names of lengths on a face, and the landmarks between which they lie; without PyTorch, for the page's start."""

# Each is the mean distance of some pairs of the usual 68 landmarks.
MEASUREMENTS: dict[str, tuple[tuple[int, int], ...]] = {
    "face width": ((1, 15), (3, 13)),
    "jaw width": ((5, 11), (6, 10)),
    "chin height": ((57, 8),),
    "eye distance": ((36, 45), (39, 42)),
    "nose length": ((27, 33),),
    "nose width": ((31, 35),),
    "lip fullness": ((51, 62), (57, 66)),
    "mouth width": ((48, 54),),
}
