"""Writes one small NPZ for every combination of key, number type, byte order, axis order, compression and zip64, and
what numpy makes of each: matrix.json, a list of {file, key, dtype, shape, fortran_order, big_endian, halves}.

usage: make_npz_matrix.py FOLDER    (Python with numpy)

halves: SHA-256 of numpy.ascontiguousarray(array).astype("<f2"), NaN as 0x7E00 unless the source is float16 itself.
"""
import hashlib
import io
import itertools
import json
import sys
import warnings
import zipfile
from pathlib import Path

import numpy

SHAPE = (5, 4, 7)
KEYS = ["data", "volume", "arr_0", "arr"]
TYPES = [order + name for name in ("f8", "f4", "f2", "i4", "i2", "u2") for order in "<>"] + ["|i1", "|u1"]
# Around zero, HU, ties between neighbours of float16, its subnormals, its end, and beyond.
SPECIAL = [0.0, -0.0, 1.0, -1024.0, 3071.0, 2049.0, 2051.0, -2049.0, 0.1, 5.96e-8, 2.98e-8, 2.9802322387695312e-08,
           6.1e-5, 65504.0, 65519.0, 65519.99, 65520.0, -65520.0, 1e30, numpy.inf, -numpy.inf, numpy.nan]


def values(dtype, seed):
    random = numpy.random.default_rng(seed)
    count = SHAPE[0] * SHAPE[1] * SHAPE[2]
    if dtype.kind == "f":
        drawn = random.uniform(-1100.0, 3100.0, count)
        drawn[:len(SPECIAL)] = SPECIAL
    else:
        limits = numpy.iinfo(dtype)
        low, high = max(limits.min, -70000), min(limits.max, 70000)
        drawn = random.integers(low, high, count, endpoint=True)
        drawn[:2] = low, high
    random.shuffle(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of float16: beyond its range
        return drawn.astype(dtype).reshape(SHAPE)


def digest_of_halves(array):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        halves = numpy.ascontiguousarray(array).astype("<f2")
    if array.dtype.itemsize != 2 or array.dtype.kind != "f":
        bits = halves.view("<u2")
        bits[numpy.isnan(halves)] = 0x7E00
    return hashlib.sha256(halves.tobytes()).hexdigest()


folder = Path(sys.argv[1])
entries = []
for number, (key, name, order, method, zip64) in enumerate(itertools.product(
        KEYS, TYPES, "CF", (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), (False, True))):
    array = numpy.array(values(numpy.dtype(name), number), order=order)
    member = io.BytesIO()
    numpy.lib.format.write_array(member, array, allow_pickle=False)
    path = folder / f"{number:03}.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        with archive.open(key + ".npy", "w", force_zip64=zip64) as file:
            file.write(member.getvalue())
    entries.append({"file": path.name, "key": key, "dtype": name, "shape": SHAPE, "fortran_order": order == "F",
                    "big_endian": name[0] == ">", "halves": digest_of_halves(array)})
(folder / "matrix.json").write_text(json.dumps(entries))
