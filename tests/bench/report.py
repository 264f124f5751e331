# SPDX-License-Identifier: Apache-2.0
"""Writes the measurements as CSV, as plots, and as tables for a document."""

import csv
import dataclasses

import chart
import table


def write_files(directory, rows, results):
    if rows:
        write_csv(directory / "table.csv", table.Row.__dataclass_fields__, map(dataclasses.astuple, rows))
        (directory / "table.svg").write_text(chart.bars(rows))
    if results:
        lines = [(r.curve.name, r.curve.unit, r.curve.expected, x, y) for r in results for x, y in r.points]
        write_csv(directory / "curves.csv", ("curve", "unit", "expected", "x", "microseconds"), lines)
        (directory / "curves.svg").write_text(chart.curves(results))


def write_csv(path, titles, lines):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(titles)
        writer.writerows(lines)


def markdown(rows, results):
    parts = []
    for case in dict.fromkeys(row.case for row in rows):
        own = [table.cells(row) for row in rows if row.case == case]
        parts.append(f"**{case}**\n\n" + markdown_table(table.TITLES, own))
    if results:
        lines = [curve_cells(result) for result in results]
        titles = ("cost against", "expected", "from", "to", "at the first", "at the last / the first", "verdict")
        parts.append("**Scaling**\n\n" + markdown_table(titles, lines))
    return "\n\n".join(parts)


def curve_cells(result):
    (first_x, first), (last_x, last) = result.points[0], result.points[-1]
    kind = f"{result.curve.expected}: {result.curve.why}"
    word = "as expected" if result.good else "differs"
    return (result.curve.name, kind, str(first_x), str(last_x), f"{first:.0f} us", f"{last / first:.2f}", f"{word}; {result.verdict[1]}")


def markdown_table(titles, lines):
    rows = [titles, ["---"] * len(titles), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
