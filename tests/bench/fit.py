# SPDX-License-Identifier: Apache-2.0
"""Decides whether a measured curve has the expected slope."""

import statistics

NOISE = 0.15  # how far two medians of the same thing may differ, as a fraction
FLAT = 0.25  # how far a flat curve may rise in all, as a fraction of its first value
BEND = 1.6  # how much steeper the upper end of a linear curve may be than the rest


def slope(points):
    """Returns the slope of the least-squares line through the points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def verdict(expected, points):
    """Returns (whether it is as expected, in words) for three points or more."""
    first, last = points[0][1], points[-1][1]
    if expected == "flat":
        rise = (last - first) / first
        return rise <= FLAT, f"rises by {rise * 100:.0f} % over the range"
    lower = (points[-2][1] - first) / (points[-2][0] - points[0][0])
    upper = (last - points[-2][1]) / (points[-1][0] - points[-2][0])
    tolerated = NOISE * last / (points[-1][0] - points[-2][0])
    tolerated += BEND * NOISE * first / (points[-2][0] - points[0][0])
    good = upper <= max(lower, 0) * BEND + tolerated
    return good, f"{slope(points):.3g} us for each; {upper:.3g} at the upper end"
