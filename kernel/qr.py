"""QR codes as SVG path data: small enough for a passenger's document, drawn by any screen without an image."""

from __future__ import annotations

import segno


def path_of(text: str) -> tuple[str, int]:
    """The path data of the dark modules, one unit a module, and the side of the square with its quiet zone of 4 modules."""
    code = segno.make(text, error="m", micro=False)
    border = 4
    runs: list[str] = []
    for y, row in enumerate(code.matrix):
        x = 0
        while x < len(row):
            length = 0
            while x + length < len(row) and row[x + length]:
                length += 1
            if length:
                runs.append(f"M{x + border} {y + border}h{length}v1h-{length}z")
            x += length or 1
    return "".join(runs), len(code.matrix) + 2 * border
