# SPDX-License-Identifier: Apache-2.0
"""A terminal session as an asciinema file (version 2) and as a picture that plays it. The times are made up, so that the same
session gives the same files."""

import html
import json
import re

TYPING_S = 0.05  # a character
READING_S = 0.15  # a line
CHARACTER, LINE, MARGIN = 8.4, 18, 14  # pixels
COLOURS = {"1": "bold", "2": "dim", "31": "bad", "32": "good", "33": "warning", "36": "note"}
STYLE = """text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#d0d7de;white-space:pre}
.bold{font-weight:bold;fill:#fff}.dim{fill:#8b949e}.bad{fill:#ff7b72}.good{fill:#7ee787}.warning{fill:#e3b341}.note{fill:#79c0ff}
.prompt{fill:#8b949e}.part{animation:show 1ms backwards}@keyframes show{from{opacity:0}to{opacity:1}}
@media (prefers-reduced-motion:reduce){.part{animation:none}}"""


def events(session):
    """(seconds, text) for each [command, what it printed]."""
    now = 0.5
    for command, printed in session:
        yield now, "$ "
        for character in command:
            now += TYPING_S
            yield now, character
        now += 0.4
        yield now, "\r\n" + printed.replace("\n", "\r\n")
        now += 1 + READING_S * printed.count("\n")


def cast_of(session, columns, rows, title):
    header = {"version": 2, "width": columns, "height": rows, "title": title, "env": {"TERM": "xterm-256color"}}
    lines = [header, *([round(when, 2), "o", text] for when, text in events(session))]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def runs_of(printed):
    """(line, column, colour, text) for each piece of one colour."""
    line, column, colour = 0, 0, ""
    for piece in re.split(r"(\x1b\[[0-9;]*m|\n)", printed):
        found = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if found:
            colour = COLOURS.get(found.group(1), "")
        elif piece == "\n":
            line, column = line + 1, 0
        else:
            if piece.strip():
                yield line, column, colour, piece
            column += len(piece)


def text_element(column, row, colour, text):
    """Of a fixed width, whatever font there is."""
    x, y = MARGIN + column * CHARACTER, MARGIN + (row + 1) * LINE - 4
    attributes = f' class="{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * CHARACTER:.1f}"{attributes}>{html.escape(text)}</text>'


def picture_of(session, columns):
    """All of the session under each other; what comes later appears later, and stays."""
    parts, row, now = [], 0, 0.5
    for command, printed in session:
        elements = [text_element(0, row, "prompt", "$"), text_element(2, row, "bold", command)]
        parts.append((now, elements))
        now += TYPING_S * len(command) + 0.4
        elements = [text_element(column, row + 1 + line, colour, text) for line, column, colour, text in runs_of(printed)]
        parts.append((now, elements))
        now += 1 + READING_S * printed.count("\n")
        row += printed.count("\n") + 2
    width, height = round(columns * CHARACTER + 2 * MARGIN), row * LINE + MARGIN
    body = "\n".join(
        f'<g class="part" style="animation-delay:{when:.2f}s">\n' + "\n".join(elements) + "\n</g>" for when, elements in parts
    )
    return (
        "<!-- SPDX-License-Identifier: Apache-2.0; made by scripts/record-terminal -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>A terminal session with oci-nvidia</title>\n<style>{STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>\n{body}\n</svg>\n'
    )
