"""Measuring time on any device."""

import time

import torch


def synchronized_time(device: torch.device) -> float:
    """Seconds of a clock, once the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
