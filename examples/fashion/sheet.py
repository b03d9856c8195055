# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws sheets of captioned grey pictures, as one PNG and as an HTML page, with NumPy and zlib alone."""

import base64
import html
import struct
import zlib

import numpy

WHITE, BLACK, GREY, RED, GREEN = (255, 255, 255), (32, 32, 32), (120, 120, 120), (200, 0, 0), (0, 120, 60)

# Seven rows of five pixels a letter, the highest bit on the left; the letters that class names and titles need.
GLYPHS = """
- 0000000e000000  / 01020204080810  . 00000000000c0c  % 18190204081303  , 000000000c0408  : 000c0c000c0c00
( 02040808080402  ) 08040202020408  0 0e11131519110e  1 040c040404040e  2 0e11010608101f  3 1f02040201110e
4 02060a121f0202  5 1f101e0101110e  6 0608101e11110e  7 1f010204080808  8 0e11110e11110e  9 0e11110f01020c
A 0e11111f111111  B 1e11111e11111e  C 0e11101010110e  D 1e11111111111e  P 1e11111e101010  S 0f10100e01011e
T 1f040404040404  F 1f10101e101010  M 111b1515111111  I 0e04040404040e  N 11191915131311  a 00000e010f110f
b 10101e1111111e  c 00000e1010110e  d 01010f1111110f  e 00000e111f100e  f 06081c08080808  g 00000f110f010e
h 10101e11111111  i 04000c0404040e  k 10101214181412  l 0c04040404040e  n 00001e11111111  o 00000e1111110e
p 00001e111e1010  r 00001619101010  s 00000f100e011e  t 08081c08080906  u 0000111111130d  v 00001111110a04
""".split()
FONT = {" ": bytes(7), **{letter: bytes.fromhex(rows) for letter, rows in zip(GLYPHS[::2], GLYPHS[1::2], strict=True)}}


def png(pixels):
    """A PNG file's bytes from uint8 pixels: [height, width] grey or [height, width, 3] colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = numpy.ascontiguousarray(pixels).reshape(height, -1)
    filtered = numpy.hstack([numpy.zeros((height, 1), numpy.uint8), rows])  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(filtered.tobytes(), 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def draw_text(canvas, text, x, y, colour, scale=2):
    for position, letter in enumerate(text):
        rows = numpy.frombuffer(FONT.get(letter, FONT["."]), numpy.uint8)
        glyph = (rows[:, None] >> numpy.arange(4, -1, -1)) & 1
        glyph = numpy.kron(glyph, numpy.ones((scale, scale), numpy.uint8)).astype(bool)
        left = x + position * 6 * scale
        canvas[y : y + glyph.shape[0], left : left + glyph.shape[1]][glyph] = colour


def text_width(text, scale=2):
    return 6 * scale * len(text) - scale


def sheet_png(title, cards, columns=10, zoom=4):
    """One picture of all cards. A card is (uint8 picture, predicted name, true name)."""
    side = cards[0][0].shape[0] * zoom
    width, height, top = side + 60, side + 56, 48
    rows = -(-len(cards) // columns)
    canvas = numpy.full((top + rows * height, columns * width, 3), WHITE, numpy.uint8)
    draw_text(canvas, title, 16, 16, BLACK)
    for index, (picture, predicted, true) in enumerate(cards):
        x, y = index % columns * width, top + index // columns * height
        left, right = x + 30, predicted == true
        if not right:
            canvas[y - 4 : y + side + 4, left - 4 : left + side + 4] = RED
        canvas[y : y + side, left : left + side] = numpy.kron(picture, numpy.ones((zoom, zoom), numpy.uint8))[..., None]
        for line, text, colour in ((0, predicted, GREEN if right else RED), (1, "" if right else "is " + true, GREY)):
            scale = 2 if text_width(text) <= width - 4 else 1
            draw_text(canvas, text, x + (width - text_width(text, scale)) // 2, y + side + 8 + 18 * line, colour, scale)
    return png(canvas)


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px sans-serif; color: #202020; margin: 2em; }}
.sheet {{ display: flex; flex-wrap: wrap; gap: 12px; }}
figure {{ margin: 0; width: 116px; text-align: center; }}
img {{ width: 112px; height: 112px; image-rendering: pixelated; border: 2px solid #e0e0e0; }}
figcaption {{ color: #00783c; }}
.wrong img {{ border-color: #c80000; }}
.wrong figcaption {{ color: #c80000; font-weight: bold; }}
small {{ display: block; color: #787878; font-weight: normal; }}
</style></head><body>
<h1>{title}</h1>
{lines}
<div class="sheet">
{figures}
</div></body></html>
"""


def sheet_html(title, lines, cards):
    """A page with the cards and lines of text above them; the pictures are inside the file."""
    figures = []
    for picture, predicted, true in cards:
        data = base64.b64encode(png(picture)).decode()
        kind = "" if predicted == true else ' class="wrong"'
        note = "" if predicted == true else f"<small>is {html.escape(true)}</small>"
        caption = f"<figcaption>{html.escape(predicted)}{note}</figcaption>"
        figures.append(
            f'<figure{kind}><img alt="{html.escape(true)}" src="data:image/png;base64,{data}">{caption}</figure>'
        )
    text = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return PAGE.format(title=html.escape(title), lines=text, figures="\n".join(figures))
