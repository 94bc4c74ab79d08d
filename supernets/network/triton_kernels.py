"""The kernels of `triton_cell`.

A feature map [n, C, H, W] in channels_last is treated as a matrix with one row per pixel and one column per channel.
The convolutions that leave a node with E edges have 2 E C columns, those of the 3x3 kernels first. A program processes
BLOCK rows and CHANNELS columns at a time and computes in ACC: float32, or float64 for maps in float64. Sums over all
pixels are split into `parts`, which a second kernel adds in a fixed order, so that they are the same in every run.

The edges that leave node `s` are ordered by their target nodes. Of a cell's 12 convolutions (C columns each), the
first that leaves node `s` has index 2 s (7 - s) / 2. The rows of `factors` [24, C] are the weights of skips, of pools
and of convolutions.
"""

import triton
import triton.language as tl


@triton.jit
def sums_of_pixels(y, sums, pixels, tiles, COLUMNS: tl.constexpr, BLOCK: tl.constexpr, CHANNELS: tl.constexpr,
                   ACC: tl.constexpr):  # fmt: skip
    """sums [parts, 2, COLUMNS]: of y and of its squares, after subtracting the first pixel of each column.

    The subtraction preserves the digits of small differences between large numbers.
    """
    part = tl.program_id(0)
    column = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = column < COLUMNS
    origin = tl.load(y + column, mask=known, other=0).to(ACC)
    total = tl.full([BLOCK, CHANNELS], 0, ACC)
    squares = tl.full([BLOCK, CHANNELS], 0, ACC)
    for tile in range(tiles):
        pixel = (part * tiles + tile) * BLOCK + tl.arange(0, BLOCK)
        inside = (pixel < pixels)[:, None] & known[None, :]
        value = tl.load(y + pixel[:, None] * COLUMNS + column[None, :], mask=inside, other=0).to(ACC)
        value = tl.where(inside, value - origin[None, :], 0)
        total += value
        squares += value * value
    at = sums + part * 2 * COLUMNS + column
    tl.store(at, tl.sum(total, 0), mask=known)
    tl.store(at + COLUMNS, tl.sum(squares, 0), mask=known)


@triton.jit
def moments(y, sums, mean, deviation, pixels, parts, COLUMNS: tl.constexpr, PARTS: tl.constexpr,
            CHANNELS: tl.constexpr, EPSILON: tl.constexpr, ACC: tl.constexpr):  # fmt: skip
    """The mean and 1 / deviation of each column, from `sums_of_pixels`."""
    part = tl.arange(0, PARTS)
    column = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = column < COLUMNS
    inside = (part < parts)[:, None] & known[None, :]
    at = sums + part[:, None] * 2 * COLUMNS + column[None, :]
    away = tl.sum(tl.load(at, mask=inside, other=0), 0) / pixels
    squared = tl.sum(tl.load(at + COLUMNS, mask=inside, other=0), 0) / pixels
    variance = tl.maximum(squared - away * away, 0)
    origin = tl.load(y + column, mask=known, other=0).to(ACC)
    tl.store(mean + column, origin + away, mask=known)
    tl.store(deviation + column, 1 / tl.sqrt(variance + EPSILON), mask=known)


@triton.jit
def pooled(x, inside, row, column, C: tl.constexpr, H: tl.constexpr, W: tl.constexpr, BLOCK: tl.constexpr,
           CHANNELS: tl.constexpr, ACC: tl.constexpr):  # fmt: skip
    """The mean of the pixels of each 3x3 window that lie inside the image; `x` points to the centres."""
    total = tl.full([BLOCK, CHANNELS], 0, ACC)
    for down in tl.static_range(3):
        below = row + (down - 1)
        in_image = inside & ((below >= 0) & (below < H))[:, None]
        for right in tl.static_range(3):
            there = in_image
            if right == 0:
                there = in_image & (column > 0)[:, None]
            if right == 2:
                there = in_image & (column < W - 1)[:, None]
            total += tl.load(x + ((down - 1) * W + right - 1) * C, mask=there, other=0).to(ACC)
    rows = 1 + (row > 0).to(ACC) + (row < H - 1).to(ACC)
    return total / (rows * (1 + (column > 0).to(ACC) + (column < W - 1).to(ACC)))[:, None]


@triton.jit
def node(x, inner, y0, y1, y2, factors, mean, deviation, result, rectified, pixels,
         SOURCES: tl.constexpr, RECTIFIES: tl.constexpr, C: tl.constexpr, H: tl.constexpr, W: tl.constexpr,
         BLOCK: tl.constexpr, CHANNELS: tl.constexpr, ACC: tl.constexpr):  # fmt: skip
    """Node SOURCES: the sum of what arrives from all earlier nodes, x and those in `inner` [2, pixels, C]."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < C
    inside = (pixel < pixels)[:, None] & known[None, :]
    at = pixel[:, None] * C + channel[None, :]
    row, column = pixel // W % H, pixel % W
    total = tl.full([BLOCK, CHANNELS], 0, ACC)
    for source in tl.static_range(SOURCES):
        here = x if source == 0 else inner + (source - 1) * pixels * C
        y = y0 if source == 0 else (y1 if source == 1 else y2)
        place = SOURCES - 1 - source
        first = source * (7 - source) // 2
        skip = tl.load(factors + (first + place) * C + channel, mask=known, other=0).to(ACC)
        pool = tl.load(factors + (6 + first + place) * C + channel, mask=known, other=0).to(ACC)
        total += tl.load(here + at, mask=inside, other=0).to(ACC) * skip[None, :]
        total += pooled(here + at, inside, row, column, C, H, W, BLOCK, CHANNELS, ACC) * pool[None, :]
        for convolution in tl.static_range(2):
            output = convolution * (3 - source) + place
            own = (2 * first + output) * C + channel
            centre = tl.load(mean + own, mask=known, other=0)
            slope = tl.load(factors + 12 * C + own, mask=known, other=0).to(ACC)
            slope *= tl.load(deviation + own, mask=known, other=0)
            there = y + pixel[:, None] * (2 * (3 - source) * C) + (output * C + channel)[None, :]
            total += (tl.load(there, mask=inside, other=0).to(ACC) - centre[None, :]) * slope[None, :]
    tl.store(result + at, total, mask=inside)
    if RECTIFIES:
        tl.store(rectified + at, tl.where(total < 0, 0, total), mask=inside)


@triton.jit
def arriving(inner, last, at, edge, inside, pixels, SOURCE: tl.constexpr, C: tl.constexpr, ACC: tl.constexpr):
    """The gradient of an edge's target node: `last` for node 3, `inner` [2, pixels, C] for nodes 1 and 2."""
    of_last = tl.load(last + at, mask=inside & (edge == 2 - SOURCE), other=0)
    of_inner = tl.load(inner + (SOURCE + edge) * pixels * C + at, mask=inside & (edge < 2 - SOURCE), other=0)
    return of_last.to(ACC) + of_inner.to(ACC)


@triton.jit
def sums_of_edges(x, y, inner, last, mean, deviation, sums, pixels, tiles,
                  SOURCE: tl.constexpr, SHARES: tl.constexpr, C: tl.constexpr, H: tl.constexpr, W: tl.constexpr,
                  BLOCK: tl.constexpr, CHANNELS: tl.constexpr, ACC: tl.constexpr):  # fmt: skip
    """sums [parts, 5, edges C]: of the products of each edge's gradient with five factors.

    The factors are the node and its pool (only if SHARES), the normalised 3x3 and 1x1 convolutions, and 1.
    """
    EDGES: tl.constexpr = 3 - SOURCE
    part, edge = tl.program_id(0), tl.program_id(2)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < C
    output = edge * C + channel
    own = SOURCE * (7 - SOURCE) * C + output
    centre_3 = tl.load(mean + own, mask=known, other=0)[None, :]
    centre_1 = tl.load(mean + EDGES * C + own, mask=known, other=0)[None, :]
    of_node = tl.full([BLOCK, CHANNELS], 0, ACC)
    of_pool = tl.full([BLOCK, CHANNELS], 0, ACC)
    of_3 = tl.full([BLOCK, CHANNELS], 0, ACC)
    of_1 = tl.full([BLOCK, CHANNELS], 0, ACC)
    of_one = tl.full([BLOCK, CHANNELS], 0, ACC)
    for tile in range(tiles):
        pixel = (part * tiles + tile) * BLOCK + tl.arange(0, BLOCK)
        inside = (pixel < pixels)[:, None] & known[None, :]
        at = pixel[:, None] * C + channel[None, :]
        gradient = arriving(inner, last, at, edge, inside, pixels, SOURCE, C, ACC)
        there = y + pixel[:, None] * (2 * EDGES * C) + output[None, :]
        of_3 += gradient * (tl.load(there, mask=inside, other=0).to(ACC) - centre_3)
        of_1 += gradient * (tl.load(there + EDGES * C, mask=inside, other=0).to(ACC) - centre_1)
        of_one += gradient
        if SHARES:
            of_node += gradient * tl.load(x + at, mask=inside, other=0).to(ACC)
            row, column = pixel // W % H, pixel % W
            of_pool += gradient * pooled(x + at, inside, row, column, C, H, W, BLOCK, CHANNELS, ACC)
    out = sums + part * 5 * EDGES * C + output
    if SHARES:
        tl.store(out, tl.sum(of_node, 0), mask=known)
        tl.store(out + EDGES * C, tl.sum(of_pool, 0), mask=known)
    slope_3 = tl.load(deviation + own, mask=known, other=0)
    slope_1 = tl.load(deviation + EDGES * C + own, mask=known, other=0)
    tl.store(out + 2 * EDGES * C, tl.sum(of_3, 0) * slope_3, mask=known)
    tl.store(out + 3 * EDGES * C, tl.sum(of_1, 0) * slope_1, mask=known)
    tl.store(out + 4 * EDGES * C, tl.sum(of_one, 0), mask=known)


@triton.jit
def totals_of_edges(sums, of_factors, of_edges, parts, SOURCE: tl.constexpr, SHARES: tl.constexpr, C: tl.constexpr,
                    PARTS: tl.constexpr, CHANNELS: tl.constexpr):  # fmt: skip
    """Add the parts: this node's rows of of_factors [24, C], and the sum of each edge's gradient, of_edges [3, C]."""
    EDGES: tl.constexpr = 3 - SOURCE
    part, row = tl.arange(0, PARTS), tl.program_id(1) + (0 if SHARES else 2)
    column = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = column < EDGES * C
    inside = (part < parts)[:, None] & known[None, :]
    at = sums + (part[:, None] * 5 + row) * (EDGES * C) + column[None, :]
    total = tl.sum(tl.load(at, mask=inside, other=0), 0)
    first = SOURCE * (7 - SOURCE) // 2
    share = row * 6 + first
    scale = 12 + 2 * first + (row - 2) * EDGES
    tl.store(of_factors + tl.where(row < 2, share, scale) * C + column, total, mask=known & (row < 4))
    tl.store(of_edges + column, total, mask=known & (row == 4))


@triton.jit
def onto_convolutions(y, inner, last, factors, mean, deviation, of_factors, of_edges, result, pixels,
                      SOURCE: tl.constexpr, BY_BATCH: tl.constexpr, C: tl.constexpr, BLOCK: tl.constexpr,
                      CHANNELS: tl.constexpr, ACC: tl.constexpr):  # fmt: skip
    """The gradient of the convolutions that leave node SOURCE, through their batch norms."""
    EDGES: tl.constexpr = 3 - SOURCE
    edge = tl.program_id(2)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < C
    inside = (pixel < pixels)[:, None] & known[None, :]
    column = edge * C + channel
    gradient = arriving(
        inner, last, pixel[:, None] * C + channel[None, :], edge, inside, pixels, SOURCE, C, ACC
    )  # fmt: skip
    if BY_BATCH:
        gradient -= (tl.load(of_edges + column, mask=known, other=0) / pixels)[None, :]
    for convolution in tl.static_range(2):
        row = (SOURCE * (7 - SOURCE) + convolution * EDGES) * C + column
        at = pixel[:, None] * (2 * EDGES * C) + (convolution * EDGES * C + column)[None, :]
        slope = tl.load(deviation + row, mask=known, other=0)
        through = gradient
        if BY_BATCH:
            centre = tl.load(mean + row, mask=known, other=0)
            share = tl.load(of_factors + 12 * C + row, mask=known, other=0) * slope / pixels
            through -= (tl.load(y + at, mask=inside, other=0).to(ACC) - centre[None, :]) * share[None, :]
        scale = tl.load(factors + 12 * C + row, mask=known, other=0).to(ACC) * slope
        tl.store(result + at, through * scale[None, :], mask=inside)


@triton.jit
def onto_node(x, of_rectified, inner, last, factors, result, pixels, SOURCE: tl.constexpr, C: tl.constexpr,
              H: tl.constexpr, W: tl.constexpr, BLOCK: tl.constexpr, CHANNELS: tl.constexpr,
              ACC: tl.constexpr):  # fmt: skip
    """The gradient of node SOURCE, through its ReLU, its skips and its pools."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < C
    inside = (pixel < pixels)[:, None] & known[None, :]
    at = pixel[:, None] * C + channel[None, :]
    rectified = inside & (tl.load(x + at, mask=inside, other=0) > 0)
    total = tl.load(of_rectified + at, mask=rectified, other=0).to(ACC)
    first = SOURCE * (7 - SOURCE) // 2
    for edge in tl.static_range(3 - SOURCE):
        gradients = last if edge == 2 - SOURCE else inner + (SOURCE + edge) * pixels * C
        skip = tl.load(factors + (first + edge) * C + channel, mask=known, other=0).to(ACC)
        total += tl.load(gradients + at, mask=inside, other=0).to(ACC) * skip[None, :]
    row, column = pixel // W % H, pixel % W
    for down in tl.static_range(3):
        below = row + (down - 1)
        in_image = inside & ((below >= 0) & (below < H))[:, None]
        rows = 1 + (below > 0).to(ACC) + (below < H - 1).to(ACC)
        for right in tl.static_range(3):
            beside = column + (right - 1)
            there = in_image & ((beside >= 0) & (beside < W))[:, None]
            arrived = tl.full([BLOCK, CHANNELS], 0, ACC)
            for edge in tl.static_range(3 - SOURCE):
                gradients = last if edge == 2 - SOURCE else inner + (SOURCE + edge) * pixels * C
                pool = tl.load(factors + (6 + first + edge) * C + channel, mask=known, other=0).to(ACC)
                value = tl.load(gradients + at + ((down - 1) * W + right - 1) * C, mask=there, other=0).to(ACC)
                arrived += value * pool[None, :]
            total += arrived / (rows * (1 + (beside > 0).to(ACC) + (beside < W - 1).to(ACC)))[:, None]
    tl.store(result + at, total, mask=inside)
