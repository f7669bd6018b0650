#!/usr/bin/python3
"""Draws what tests/bench/fabric measured: fabric_plot.py 2=TWO_HOSTS.json 4=FOUR_HOSTS.json > docs/fabric.svg

A panel for each file of `tests/bench/fabric -o json`: bus bandwidth against size, both by their logarithms, a line a side through its medians, a band from its least to its
most. Readable on light and on dark paper.
"""

import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, BELOW, GAP = 430, 300, 58, 44, 52, 18
NAMES = {"everstep": "everstep", "mpi": "Open MPI", "gloo": "gloo", "plain sockets": "plain sockets", "one rail": "one rail"}
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .small { font-size: 11.5px } .grid { stroke: #d0d7de; stroke-width: 1 } .axis { stroke: #57606a; stroke-width: 1 }
.s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 } .s2 { stroke: #1a7f37; fill: #1a7f37 } .s3 { stroke: #8250df; fill: #8250df }
polyline { fill: none !important; stroke-width: 2.2 } polygon { stroke: none !important; fill-opacity: .16 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .grid { stroke: #373e47 } .axis { stroke: #9198a1 }
.s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e } .s2 { stroke: #56d364; fill: #56d364 } .s3 { stroke: #bc8cff; fill: #bc8cff }
}
"""


def measured(path: str) -> dict[str, dict[str, tuple[float, float, float]]]:
    """By side, by size: least, median, most, in GB/s."""
    with open(path) as file:
        figures = json.load(file)["figures"]
    sides: dict[str, dict[str, tuple[float, float, float]]] = {}
    for figure in figures:
        if figure["unit"] == "GB/s" and figure["count"] and figure["min"] > 0:
            sides.setdefault(figure["what"], {})[figure["section"]] = (figure["min"], figure["median"], figure["max"])
    return sides


def panel(hosts: str, sides: dict, left: float, low: float, high: float, first: bool) -> list[str]:
    sizes = list(next(iter(sides.values())))
    across = [left + (WIDTH - 16) * place / (len(sizes) - 1) + 8 for place in range(len(sizes))]
    up = lambda value: TOP + HEIGHT * (1 - (math.log10(value) - low) / (high - low))  # noqa: E731
    lines = [f'<text x="{left}" y="{TOP - 12}">{hosts} hosts</text>']
    for power in range(math.floor(low), math.floor(high) + 1):
        lines.append(f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{up(10**power):.1f}" y2="{up(10**power):.1f}"/>')
        if first:
            lines.append(f'<text class="small" text-anchor="end" x="{left - 7}" y="{up(10**power) + 4:.1f}">{10**power:g}</text>')
    lines.append(f'<line class="axis" x1="{left}" x2="{left + WIDTH}" y1="{TOP + HEIGHT}" y2="{TOP + HEIGHT}"/>')
    for x, size in zip(across, sizes):
        number, unit = size.split()
        lines.append(f'<text class="small" text-anchor="middle" x="{x:.1f}" y="{TOP + HEIGHT + 16}">{number}{unit[0]}</text>')
    for place, of in reversed(list(enumerate(sides.values()))):
        seen = [(x, *of[size]) for x, size in zip(across, sizes) if size in of]
        band = [f"{x:.1f},{up(most):.1f}" for x, _, _, most in seen] + [f"{x:.1f},{up(least):.1f}" for x, least, _, _ in reversed(seen)]
        lines.append(f'<polygon class="s{place}" points="{" ".join(band)}"/>')
        lines.append(f'<polyline class="s{place}" points="{" ".join(f"{x:.1f},{up(median):.1f}" for x, _, median, _ in seen)}"/>')
        lines += [f'<circle class="s{place}" r="3" cx="{x:.1f}" cy="{up(median):.1f}"/>' for x, _, median, _ in seen]
    return lines


def main() -> int:
    panels = [(hosts, measured(path)) for hosts, path in (word.split("=", 1) for word in sys.argv[1:])]
    if not panels:
        sys.exit(__doc__)
    values = [value for _, sides in panels for of in sides.values() for triple in of.values() for value in triple]
    low, high = math.floor(math.log10(min(values)) * 2) / 2, math.ceil(math.log10(max(values)) * 4) / 4
    low, high = math.floor(low), max(high, math.floor(low) + 1)
    wide = LEFT + len(panels) * (WIDTH + GAP)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {TOP + HEIGHT + BELOW}" role="img" aria-label="Bus bandwidth of an all-reduce against its size">',
             f"<style>{STYLE}</style>"]  # fmt: skip
    for place, (hosts, sides) in enumerate(panels):
        lines += panel(hosts, sides, LEFT + place * (WIDTH + GAP), low, high, place == 0)
    x = LEFT + 95
    for place, side in enumerate(panels[0][1]):
        lines += [f'<circle class="s{place}" r="4.5" cx="{x}" cy="{TOP - 16}"/>', f'<text x="{x + 10}" y="{TOP - 12}">{NAMES.get(side, side)}</text>']
        x += 32 + 7 * len(NAMES.get(side, side))
    lines += [f'<text class="small" x="{LEFT}" y="{TOP + HEIGHT + 40}">bytes reduced; up: busbw, GB/s; bands: least to most</text>', "</svg>"]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
