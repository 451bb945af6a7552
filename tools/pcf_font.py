# SPDX-License-Identifier: MIT
"""Reads a fixed-width X11 PCF font (gzipped or not): {character: [rows of bits, most significant bit left]}.

Used by tools/font-to-c, which makes the image's font, and by tools/scenario, which reads text off the screen with the
same glyphs. The format: libXfont's tables of contents, metrics, bitmaps and encodings (only what is needed of it).
"""
import gzip
import struct

METRICS, BITMAPS, ENCODINGS = 1 << 2, 1 << 3, 1 << 5
ENCODED_LATER = 0xffff


def read(path):
    """Returns (width, height, glyphs)."""
    data = open(path, 'rb').read()
    if data[:2] == b'\x1f\x8b':
        data = gzip.decompress(data)
    if data[:4] != b'\x01fcp':
        raise ValueError(f'{path}: not a PCF font')
    tables = {}
    for i in range(struct.unpack_from('<I', data, 4)[0]):
        kind, form, _size, offset = struct.unpack_from('<4I', data, 8 + 16 * i)
        tables[kind] = (form, offset)

    def order(kind):
        form, offset = tables[kind]
        return form, ('>' if form & 4 else '<'), offset + 4

    form, e, at = order(METRICS)
    metrics = []
    if form & 0x100:  # compressed: five bytes each
        count = struct.unpack_from(e + 'H', data, at)[0]
        for i in range(count):
            metrics.append([b - 0x80 for b in data[at + 2 + 5 * i:at + 7 + 5 * i]])
    else:
        count = struct.unpack_from(e + 'I', data, at)[0]
        for i in range(count):
            metrics.append(struct.unpack_from(e + '5h', data, at + 4 + 12 * i))

    form, e, at = order(BITMAPS)
    count = struct.unpack_from(e + 'I', data, at)[0]
    offsets = struct.unpack_from(f'{e}{count}I', data, at + 4)
    bits_at = at + 4 + 4 * count + 16
    row_bytes_min = 1 << (form & 3)
    msbit_first = form & 8
    width = max(m[2] for m in metrics)
    height = max(m[3] + m[4] for m in metrics)

    def bitmap(index):
        _left, right, _advance, ascent, descent = metrics[index]
        left = metrics[index][0]
        row_bytes = (right - left + 7) // 8
        row_bytes = (row_bytes + row_bytes_min - 1) // row_bytes_min * row_bytes_min
        rows = []
        for r in range(ascent + descent):
            start = bits_at + offsets[index] + r * row_bytes
            raw = data[start:start + row_bytes]
            if not msbit_first:
                raw = bytes(int(f'{b:08b}'[::-1], 2) for b in raw)
            value = int.from_bytes(raw, 'big') >> max(0, 8 * row_bytes - (right - left))
            rows.append(value << max(0, width - right) if right > 0 else 0)
        return rows

    form, e, at = order(ENCODINGS)
    first_low, last_low, first_high, last_high, _default = struct.unpack_from(e + '5H', data, at)
    glyphs = {}
    columns = last_low - first_low + 1
    for high in range(first_high, last_high + 1):
        for low in range(first_low, last_low + 1):
            slot = (high - first_high) * columns + low - first_low
            index = struct.unpack_from(e + 'H', data, at + 10 + 2 * slot)[0]
            if index != ENCODED_LATER:
                glyphs[high << 8 | low] = bitmap(index)
    return width, height, glyphs
