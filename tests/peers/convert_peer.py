"""The Python conversion, as research groups run it today: numpy.load, astype(float16), tobytes, tarfile.

    python3 tests/peers/convert_peer.py --volumes npz --reports r.csv --metadata m.csv --labels l.csv --output shards

Its shards hold the members that ctclip writes, byte for byte, so that the comparison compares the same work. It syncs its
shards to disk at the end, as ctclip does. Prints one JSON line: wall and processor time, and the shards' SHA-256.
"""
import argparse
import csv
import hashlib
import io
import json
import os
import pathlib
import tarfile
import time

import numpy as np


def read_csv(path, key):
    with open(path, newline="", encoding="utf-8-sig") as lines:
        return {row[key].removesuffix(".nii.gz"): row for row in csv.DictReader(lines)}


def add_member(tar, name, payload):
    header = tarfile.TarInfo(name)
    header.size = len(payload)
    tar.addfile(header, io.BytesIO(payload))


def convert_study(tar, key, path, report, metadata, labels):
    with np.load(path) as archive:
        volume = archive[archive.files[0]]
    halves = np.ascontiguousarray(volume.astype(np.float16))
    description = {
        "study_id": path.stem,
        "RescaleSlope": float(metadata["RescaleSlope"]),
        "RescaleIntercept": float(metadata["RescaleIntercept"]),
        "XYSpacing": metadata["XYSpacing"],
        "ZSpacing": float(metadata["ZSpacing"]),
        "original_shape": list(volume.shape),
        "volume_shape": list(halves.shape),
        "volume_dtype": "float16",
    }
    classes = [float(value) for name, value in labels.items() if name != "VolumeName"]
    add_member(tar, f"{key}.bin", halves.tobytes())
    add_member(tar, f"{key}.json", json.dumps(description).encode())
    add_member(tar, f"{key}.txt", f"{report['Findings_EN']}\n{report['Impressions_EN']}".encode())
    add_member(tar, f"{key}.labels", np.asarray(classes, dtype=np.float32).tobytes())


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("volumes", "reports", "metadata", "labels"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="new folder")
    parser.add_argument("--samples-per-shard", type=int, default=100)
    arguments = parser.parse_args()

    wall, cpu = time.perf_counter(), time.process_time()
    reports, metadata, labels = (read_csv(path, "VolumeName") for path in
                                 (arguments.reports, arguments.metadata, arguments.labels))
    volumes = sorted(arguments.volumes.rglob("*.npz"), key=lambda path: path.stem.encode())
    arguments.output.mkdir()
    shards = []
    for first in range(0, len(volumes), arguments.samples_per_shard):
        shards.append(arguments.output / f"shard-{len(shards):06d}.tar")
        with tarfile.open(shards[-1], "w") as tar:
            for slot, path in enumerate(volumes[first:first + arguments.samples_per_shard]):
                study = path.stem
                convert_study(tar, f"{len(shards) - 1:06d}_{slot:06d}", path, reports[study], metadata[study],
                              labels[study])
        sync(shards[-1])
    sync(arguments.output)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    digests = [hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards]
    print(json.dumps({"volumes": len(volumes), "wall_s": wall, "cpu_s": cpu, "sha256": digests,
                      "numpy": np.__version__}))


if __name__ == "__main__":
    main()
