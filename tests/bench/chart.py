# SPDX-License-Identifier: Apache-2.0
"""Small SVG plots."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 300, 190  # of one panel
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 34
COLUMNS = 3
COLOURS = {"hook": "#2f6fb3", "floor": "#3a9a5b", "same calls": "#8a6d3b", "nothing": "#888888"}
OTHER = "#b36b2f"


def text(x, y, words, anchor="start", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(str(words))}</text>'


def line(x1, y1, x2, y2, colour="#bbb"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def document(width, height, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""])


def short(value):
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def curves(results):
    """One panel for each curve: milliseconds (from zero) over the size (logarithmic)."""
    parts = []
    for index, result in enumerate(results):
        x, y = index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{"".join(panel(result))}</g>')
    return document(COLUMNS * WIDTH, math.ceil(len(results) / COLUMNS) * HEIGHT, parts)


def panel(result):
    xs, ys = [max(x, 1) for x, _ in result.points], [y / 1000 for _, y in result.points]
    low, high, top = math.log(min(xs)), math.log(max(xs)), max(ys) * 1.1

    def place(x, y):
        share = (math.log(x) - low) / (high - low or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    bottom = HEIGHT - BOTTOM
    yield text(8, 18, f"{result.curve.name} ({result.curve.expected})", size=12)
    yield line(LEFT, bottom, WIDTH - RIGHT, bottom) + line(LEFT, TOP, LEFT, bottom)
    for share in (0, 0.5, 1):
        yield text(LEFT - 5, place(xs[0], top * share)[1] + 4, f"{top * share:.3g} ms", "end", 9)
    for x in xs:
        yield text(place(x, 0)[0], bottom + 14, short(x), "middle", 9)
    points = [place(x, y) for x, y in zip(xs, ys)]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    colour = COLOURS["hook"] if result.good else "#c0392b"
    yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>'


def bars(rows):
    """One bar for each program in each case: the median, with a mark at the 99th percentile."""
    width, height, step = 760, 22, 150
    scale = (width - step - 130) / max(row.p99 for row in rows)
    parts, y, case = [], 10, None
    for row in rows:
        if row.case != case:
            case = row.case
            y += 24
            parts.append(text(8, y, case, size=13))
            y += 8
        colour = COLOURS.get(row.program, OTHER)
        parts.append(text(step - 8, y + 14, row.program, "end"))
        parts.append(f'<rect x="{step}" y="{y + 3}" width="{row.median * scale:.1f}" height="14" fill="{colour}"/>')
        parts.append(line(step + row.p99 * scale, y + 2, step + row.p99 * scale, y + 18, "#333"))
        parts.append(text(step + row.p99 * scale + 6, y + 14, f"{row.median / 1000:.2f} ms"))
        y += height
    return document(width, y + 16, parts)
