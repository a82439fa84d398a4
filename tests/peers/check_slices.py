"""Holds the picture of `ctclip-shard show SHARD KEY --png PNG` against the shard as Python's tarfile reads it.

usage: check_slices.py SHARD KEY PNG    (Python with numpy). Exit 0 if the axial slice is there, pixel for pixel.
"""
import json
import struct
import sys
import tarfile
import zlib
from pathlib import Path

import numpy


def read_grey_png(path):
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        chunk = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert (depth, colour) == (8, 0), "8-bit greyscale"
        elif kind == b"IDAT":
            packed += chunk
        position += 12 + length
    rows = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, width + 1).astype(int)
    image = numpy.zeros((height + 1, width + 1), int)  # a row and a column of zeros before the first
    for y in range(height):
        for x in range(width):
            left, up, corner = image[y + 1, x], image[y, x + 1], image[y, x]
            nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            guess = (0, left, up, (left + up) // 2, nearest)[rows[y, 0]]
            image[y + 1, x + 1] = (rows[y, x + 1] + guess) % 256
    return image[1:, 1:]


shard, key, png = sys.argv[1:]
with tarfile.open(shard) as tar:
    fields = json.loads(tar.extractfile(key + ".json").read())
    volume = numpy.frombuffer(tar.extractfile(key + ".bin").read(), "<f2").astype(float)
volume = volume.reshape(fields.get("volume_shape") or fields["shape"])
if "RescaleSlope" in fields:
    volume = (fields["RescaleSlope"] * volume + fields["RescaleIntercept"]) / 1000
axial = volume[:, :, volume.shape[2] // 2].T
expected = numpy.floor(127.5 * (numpy.clip(axial, -1, 1) + 1) + 0.5).astype(int)
found = read_grey_png(png)[:expected.shape[0], :expected.shape[1]]
sys.exit(0 if numpy.array_equal(found, expected) else f"the axial slice of {key} differs")
