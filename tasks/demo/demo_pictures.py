"""Draw the pictures of the demo benchmark: charts and text from the tables in `demo_facts.py`, scenes by hand."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from demo_facts import CHARTS, SHEETS, Chart, Sheet
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 320, 240
SCALE = 3  # pictures are drawn this much larger and then reduced, which smooths their edges
COLOURS = 64
INK, MUTED, WHITE = "#222222", "#888888", "#ffffff"

Point: TypeAlias = tuple[float, float]


class Pen:
    """Draws in picture coordinates (320 x 240) on an enlarged canvas."""

    def __init__(self, background: str = WHITE) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), background)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: str) -> None:
        self.draw.rectangle((x0 * SCALE, y0 * SCALE, x1 * SCALE - 1, y1 * SCALE - 1), fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: str) -> None:
        self.draw.ellipse(((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE), fill)

    def disc(self, x: float, y: float, radius: float, fill: str) -> None:
        self.oval(x, y, radius, radius, fill)

    def sector(self, x: float, y: float, radius: float, start: float, end: float, fill: str, edge: str = WHITE) -> None:
        corners = ((x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE)
        self.draw.pieslice(corners, start, end, fill, edge, SCALE)

    def shape(self, points: Iterable[Point], fill: str) -> None:
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def line(self, points: Iterable[Point], fill: str = INK, width: float = 2) -> None:
        self.draw.line([(x * SCALE, y * SCALE) for x, y in points], fill, round(width * SCALE), "curve")

    def text(self, x: float, y: float, words: str, size: int = 14, anchor: str = "mm", fill: str = INK) -> None:
        font = ImageFont.load_default(size * SCALE)
        self.draw.text((x * SCALE, y * SCALE), words, fill, font, anchor)

    def save(self, path: Path) -> None:
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        palette = small.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        palette.save(path, optimize=True)


# Charts and text pictures: drawn from the tables in demo_facts.


def draw_chart(chart: Chart) -> Pen:
    pen = Pen()
    pen.text(WIDTH / 2, 16, chart.title, 17)
    draw = {"bar": draw_bars, "hbar": draw_flat_bars, "line": draw_lines, "pie": draw_pie}[chart.kind]
    draw(pen, chart)
    named = [(name, colour) for name, colour in zip(chart.series, chart.colours, strict=False) if name]
    for place, (name, colour) in enumerate(named):
        pen.box(90 + 80 * place, 32, 100 + 80 * place, 42, colour)
        pen.text(105 + 80 * place, 37, name, 13, "lm")
    return pen


def draw_bars(pen: Pen, chart: Chart) -> None:
    top, bottom, left, right = 65, 212, 22, 304
    step = (right - left) / len(chart.labels)
    width = step * 0.66 / len(chart.series)
    peak = max(max(values) for values in chart.series.values())
    for place, label in enumerate(chart.labels):
        middle = left + step * (place + 0.5)
        pen.text(middle, bottom + 13, label, 14)
        for rank, values in enumerate(chart.series.values()):
            x = middle + width * (rank - len(chart.series) / 2)
            y = bottom - (bottom - top) * values[place] / peak
            many = len(chart.series) > 1
            colour = chart.colours[(rank if many else place) % len(chart.colours)]
            pen.box(x, y, x + width - 2 * many, bottom, colour)
            pen.text(x + width / 2 - many, y - 9, str(values[place]), 14)
    pen.line([(left - 6, bottom), (right, bottom)], INK, 1.5)


def draw_flat_bars(pen: Pen, chart: Chart) -> None:
    top, bottom, left, right = 40, 228, 66, 280
    values = next(iter(chart.series.values()))
    step = (bottom - top) / len(chart.labels)
    for place, (label, value) in enumerate(zip(chart.labels, values, strict=True)):
        y = top + step * (place + 0.5)
        x = left + (right - left) * value / max(values)
        pen.box(left, y - step * 0.32, x, y + step * 0.32, chart.colours[0])
        pen.text(left - 7, y, label, 14, "rm")
        pen.text(x + 5, y, str(value), 14, "lm")
    pen.line([(left, top - 4), (left, bottom)], INK, 1.5)


def draw_lines(pen: Pen, chart: Chart) -> None:
    top, bottom, left, right = 65, 185, 40, 284
    every = [value for values in chart.series.values() for value in values]
    low, high = min(every), max(every)
    step = (right - left) / (len(chart.labels) - 1)
    pen.line([(left - 20, bottom + 24), (right + 20, bottom + 24)], INK, 1.5)
    for place, label in enumerate(chart.labels):
        pen.text(left + step * place, bottom + 37, label, 14)
    for values, colour in zip(chart.series.values(), chart.colours, strict=True):
        points = [
            (left + step * place, bottom - (bottom - top) * (value - low) / (high - low))
            for place, value in enumerate(values)
        ]
        pen.line(points, colour, 2.5)
        for place, ((x, y), value) in enumerate(zip(points, values, strict=True)):
            pen.disc(x, y, 4, colour)
            highest = value == max(series[place] for series in chart.series.values())
            dip = 0 < place < len(values) - 1 and value < min(values[place - 1], values[place + 1])
            pen.text(x, y - 13 if highest and not dip else y + 13, str(value), 13)


def draw_pie(pen: Pen, chart: Chart) -> None:
    values = next(iter(chart.series.values()))
    x, y, radius = WIDTH / 2, 134, 78
    turns = [-90 + 360 * sum(values[:place]) / sum(values) for place in range(len(values) + 1)]
    for (start, end), label, value, colour in zip(pairwise(turns), chart.labels, values, chart.colours, strict=True):
        pen.sector(x, y, radius, start, end, colour)
        angle = math.radians((start + end) / 2)
        side = "lm" if math.cos(angle) > 0 else "rm"
        edge = (x + (radius + 7) * math.cos(angle), y + (radius + 12) * math.sin(angle))
        pen.text(*edge, f"{label} {value}{chart.unit}", 14, side)


def draw_sheet(sheet: Sheet) -> Pen:
    pen = Pen(sheet.wall)
    m = sheet.margin
    pen.box(m - 5, 10, WIDTH - m + 5, HEIGHT - 10, sheet.frame)
    pen.box(m, 15, WIDTH - m, HEIGHT - 15, sheet.paper)
    heights = [row.size * 1.6 if row.cells else 10 for row in sheet.rows]
    stretch = (HEIGHT - 42) / sum(heights)
    y = 21.0
    for row, height in zip(sheet.rows, heights, strict=True):
        middle = y + height * stretch / 2
        if not row.cells:
            pen.line([(m + 12, middle), (WIDTH - m - 12, middle)], MUTED, 1)
        elif len(row.cells) == 1:
            pen.text(WIDTH / 2, middle, row.cells[0], row.size, fill=row.ink)
        else:
            for x, cell in zip(sheet.columns, row.cells, strict=False):
                draw_cell(pen, x, middle, cell, row.size, row.ink)
        y += height * stretch
    return pen


def draw_cell(pen: Pen, x: float, y: float, cell: str, size: int, ink: str) -> None:
    arrows = {"<right>": (1, 0), "<left>": (-1, 0), "<up>": (0, -1)}
    if cell in arrows:
        dx, dy = arrows[cell]
        tip, neck, tail = (x + 13 + 14 * dx, y + 14 * dy), (x + 13, y), (x + 13 - 14 * dx, y - 14 * dy)
        pen.line([tail, neck], ink, 5)
        pen.shape([tip, (neck[0] - 10 * dy, neck[1] + 10 * dx), (neck[0] + 10 * dy, neck[1] - 10 * dx)], ink)
    elif cell in ("[x]", "[ ]"):
        pen.box(x, y - 9, x + 18, y + 9, ink)
        pen.box(x + 2, y - 7, x + 16, y + 7, WHITE)
        if cell == "[x]":
            pen.line([(x + 3, y), (x + 8, y + 6), (x + 19, y - 11)], "#2e8b3d", 3)
    else:
        pen.text(x, y, cell, size, "lm", ink)


# Scenes: one function a picture, and a few shapes that they share.


def house(pen: Pen, x: float, base: float, width: float, height: float, wall: str, roof: str) -> None:
    pen.box(x, base - height, x + width, base, wall)
    pen.shape([(x - 8, base - height), (x + width / 2, base - height - 36), (x + width + 8, base - height)], roof)


def car(pen: Pen, x: float, y: float, colour: str) -> None:
    pen.shape([(x + 18, y - 30), (x + 30, y - 52), (x + 66, y - 52), (x + 80, y - 30)], colour)
    pen.shape([(x + 26, y - 31), (x + 34, y - 47), (x + 63, y - 47), (x + 72, y - 31)], "#d9ecf7")
    pen.box(x, y - 31, x + 98, y - 8, colour)
    for wheel in (x + 22, x + 76):
        pen.disc(wheel, y - 6, 11, INK)
        pen.disc(wheel, y - 6, 5, "#bbbbbb")


def cottage() -> Pen:
    pen = Pen("#bfe3f7")
    pen.box(0, 175, WIDTH, HEIGHT, "#6dbb57")
    pen.disc(280, 40, 24, "#ffd92e")
    house(pen, 125, 195, 100, 78, "#fbf0cf", "#c8352b")
    pen.box(163, 148, 187, 195, "#2f62b5")
    for x in (134, 194):
        pen.box(x, 133, x + 22, 155, "#5b5b5b")
        pen.box(x + 2, 135, x + 20, 153, "#cfe9f5")
    pen.box(52, 140, 66, 198, "#80522d")
    pen.disc(59, 115, 36, "#2f8040")
    return pen


def balls() -> Pen:
    pen = Pen("#f0e8dc")
    pen.box(15, 150, 305, 175, "#8b5a2b")
    pen.box(35, 175, 52, HEIGHT, "#714721")
    pen.box(268, 175, 285, HEIGHT, "#714721")
    for place, colour in enumerate(("#d62f2f", "#2f5fd0", "#d62f2f", "#2f9a45", "#f2cc1d")):
        pen.disc(48 + 56 * place, 127, 23, colour)
    return pen


def crossing() -> Pen:
    pen = Pen("#d7e8ef")
    pen.box(0, 170, WIDTH, HEIGHT, "#6b6f75")
    for x in range(5, WIDTH, 65):
        pen.box(x, 220, x + 35, 225, WHITE)
    pen.box(155, 110, 163, 172, "#444444")
    pen.box(143, 30, 175, 116, INK)
    for y, colour in ((46, "#5a2020"), (73, "#5a5020"), (100, "#2bea4c")):
        pen.disc(159, y, 11, colour)
    car(pen, 18, 205, "#d02a2a")
    car(pen, 206, 205, "#2d5fc4")
    return pen


def harbour() -> Pen:
    pen = Pen("#c9e8f7")
    pen.box(0, 160, WIDTH, HEIGHT, "#2f7fb8")
    pen.shape([(228, 178), (244, 152), (300, 150), (320, 178)], "#85888c")
    for place in range(5):
        y = 52 + 20 * place
        pen.shape(
            [(260 - 2 * place, y), (284 + 2 * place, y), (286 + 2 * place, y + 20), (258 - 2 * place, y + 20)],
            ("#cc3333", WHITE)[place % 2],
        )
    pen.box(258, 36, 286, 52, "#f7df6c")
    pen.shape([(254, 36), (272, 20), (290, 36)], "#444444")
    pen.shape([(95, 178), (195, 178), (175, 204), (115, 204)], "#7a4a22")
    pen.box(142, 78, 146, 178, "#50341c")
    pen.shape([(149, 84), (149, 168), (196, 168)], WHITE)
    for x, y in ((50, 60), (95, 38), (205, 50)):
        pen.line([(x - 14, y - 8), (x - 6, y - 9), (x, y), (x + 6, y - 9), (x + 14, y - 8)], "#333333", 2)
    return pen


def fruit() -> Pen:
    pen = Pen("#f5efe0")
    pen.box(0, 190, WIDTH, HEIGHT, "#a87442")
    for x, y, colour in ((105, 112, "#f28c1e"), (160, 98, "#f28c1e"), (215, 112, "#f28c1e")):
        pen.disc(x, y, 28, colour)
    for x in (132, 188):
        pen.disc(x, 114, 26, "#63b53b")
        pen.line([(x, 90), (x + 5, 80)], "#5a3a1a", 3)
    pen.sector(160, 126, 92, 0, 180, "#7b3fa0", "#7b3fa0")
    pen.box(130, 208, 190, 222, "#5f2e80")
    return pen


def camp() -> Pen:
    pen = Pen("#14234d")
    pen.oval(150, 262, 260, 92, "#1d4a2c")
    pen.disc(52, 48, 25, "#f6eeb4")
    pen.disc(63, 41, 22, "#14234d")
    for x, y in ((115, 32), (150, 70), (192, 28), (228, 82), (262, 40), (296, 92), (98, 98)):
        tips = [(math.radians(36 * k - 90), 8 if k % 2 == 0 else 3.2) for k in range(10)]
        pen.shape([(x + r * math.cos(a), y + r * math.sin(a)) for a, r in tips], "#fff7cf")
    pen.shape([(75, 205), (125, 125), (175, 205)], "#ee8426")
    pen.shape([(112, 205), (125, 150), (138, 205)], "#7b3c0c")
    pen.shape([(222, 206), (232, 176), (238, 188), (246, 168), (256, 206)], "#ff5a1f")
    pen.shape([(231, 206), (239, 186), (248, 206)], "#ffd23b")
    pen.line([(214, 210), (264, 203)], "#6b431f", 5)
    pen.line([(214, 203), (264, 210)], "#6b431f", 5)
    return pen


def street() -> Pen:
    pen = Pen("#d4ecf8")
    pen.box(0, 205, WIDTH, HEIGHT, "#9a9a94")
    homes = ((25, 75, "#4da456", "#6a4a3a"), (122, 130, "#f0cf3c", "#6a4a3a"), (219, 85, "#cf3d35", "#6a4a3a"))
    for x, height, wall, roof in homes:
        house(pen, x, 205, 76, height, wall, roof)
        pen.box(x + 28, 172, x + 48, 205, "#4a3020")
        for y in range(205 - height + 14, 160, 45):
            pen.box(x + 10, y, x + 26, y + 18, "#eaf6fb")
            pen.box(x + 50, y, x + 66, y + 18, "#eaf6fb")
    return pen


def snowman() -> Pen:
    pen = Pen("#a9cfe8")
    pen.box(0, 195, WIDTH, HEIGHT, "#dfeaf2")
    pen.box(257, 180, 267, 205, "#6b4526")
    for y, half in ((92, 26), (122, 36), (154, 46)):
        pen.shape([(262 - half, y + 34), (262, y - 22), (262 + half, y + 34)], "#2c7a45")
    pen.disc(130, 170, 48, WHITE)
    pen.disc(130, 92, 34, WHITE)
    pen.oval(130, 124, 32, 10, "#7d3cb0")
    pen.box(140, 124, 156, 164, "#7d3cb0")
    pen.box(92, 58, 168, 66, INK)
    pen.box(105, 22, 155, 60, INK)
    for x, y in ((118, 84), (142, 84)):
        pen.disc(x, y, 4, INK)
    for y in (150, 170, 190):
        pen.disc(126, y, 5, INK)
    pen.shape([(130, 92), (130, 102), (166, 99)], "#f0862a")
    return pen


def shelf() -> Pen:
    pen = Pen("#f3ead9")
    pen.box(10, 190, 310, 204, "#8a5c34")
    for place, petal in enumerate(("#e86aa6", "#f7f7f7", "", "#4a78d6")):
        x = 52 + 72 * place
        if petal:
            pen.line([(x, 148), (x, 92)], "#3c8d45", 4)
            for k in range(6):
                pen.disc(x + 13 * math.cos(k * math.pi / 3), 82 + 13 * math.sin(k * math.pi / 3), 9, petal)
            pen.disc(x, 82, 7, "#f5c92b")
        pen.oval(x, 146, 24, 6, "#4a2f1d")
        pen.shape([(x - 24, 147), (x + 24, 147), (x + 17, 190), (x - 17, 190)], "#c2673c")
    return pen


def train() -> Pen:
    pen = Pen("#dcefd8")
    pen.box(0, 196, WIDTH, 202, "#5d5148")
    for x, y, radius in ((42, 62, 13), (68, 40, 17)):
        pen.disc(x, y, radius, "#b4b4b4")
    pen.box(14, 130, 84, 180, "#2f8f4a")
    pen.box(58, 96, 88, 180, "#2f8f4a")
    pen.box(64, 106, 82, 126, "#e4f3fa")
    pen.box(26, 96, 42, 130, "#2b2b2b")
    for place, colour in enumerate(("#d23b3b", "#f1cb2e", "#3a64c8")):
        x = 102 + 72 * place
        pen.line([(x - 14, 176), (x, 176)], "#444444", 4)
        pen.box(x, 128, x + 58, 180, colour)
        for wheel in (x + 14, x + 44):
            pen.disc(wheel, 186, 10, INK)
    for wheel in (30, 70):
        pen.disc(wheel, 184, 12, INK)
    return pen


def beach() -> Pen:
    pen = Pen("#bfe6f5")
    pen.box(0, 110, WIDTH, 150, "#3c96c9")
    pen.box(0, 150, WIDTH, HEIGHT, "#f0dba4")
    pen.box(97, 60, 103, 205, "#7a5a3a")
    for place in range(6):
        pen.sector(100, 100, 74, 180 + 30 * place, 210 + 30 * place, ("#d93636", "#ffffff")[place % 2], "#d93636")
    pen.draw.arc((208 * SCALE, 140 * SCALE, 262 * SCALE, 196 * SCALE), 180, 360, "#777777", 2 * SCALE)
    pen.shape([(206, 166), (264, 166), (255, 214), (215, 214)], "#f2c81c")
    return pen


def shapes() -> Pen:
    pen = Pen("#faf7f0")
    pen.line([(15, 212), (305, 212)], "#9a9a9a", 2)
    pen.box(52, 118, 146, 211, "#2e63c0")
    pen.shape([(52, 117), (99, 32), (146, 117)], "#d23434")
    pen.disc(228, 181, 30, "#369a4a")
    return pen


def pond() -> Pen:
    pen = Pen("#8cc56f")
    pen.oval(160, 125, 150, 104, "#4b9fd6")
    pen.oval(238, 172, 30, 13, "#2f7d3d")
    for x, y, way in ((95, 90, -1), (190, 75, -1), (130, 165, -1), (238, 122, 1)):
        pen.shape([(x - way * 12, y), (x - way * 38, y - 14), (x - way * 26, y + 8)], "#f4cf2c")
        pen.oval(x, y, 27, 14, "#f4cf2c")
        pen.disc(x + way * 22, y - 18, 11, "#f4cf2c")
        pen.shape([(x + way * 31, y - 22), (x + way * 31, y - 13), (x + way * 45, y - 16)], "#e8781e")
        pen.disc(x + way * 25, y - 21, 2, INK)
    return pen


SCENES: tuple[Callable[[], Pen], ...] = (
    *(cottage, balls, crossing, harbour, fruit, camp, street),
    *(snowman, shelf, train, beach, shapes, pond),
)


def draw(name: str) -> Pen:
    """The picture of the item of that name."""
    if name in CHARTS:
        return draw_chart(CHARTS[name])
    if name in SHEETS:
        return draw_sheet(SHEETS[name])
    return SCENES[int(name.removeprefix("scenes-")) - 1]()
