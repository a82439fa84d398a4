"""Shards to model inputs by ctclip and by Python (tarfile, numpy, torch), alternately on this machine, as a Markdown table.

    pip install torch==2.11.0 numpy          # into any Python environment; only this comparison needs it
    python3 tests/peers/compare_loader.py --bin build/bin --rounds 5

One process and one thread each, shards in the page cache, every checksum verified by ctclip (the last column: their share
of its threads' time). Processor time per volume, reading included: median of the rounds, in brackets the least and the
most; a ratio is that of neighbouring runs. In every case the model inputs of all are compared bit for bit, and the
comparison fails where they differ: Python's with the AVX2 kernels (torch's own bits depend on the processor; the timing
leaves torch its choice).
"""
import argparse
import io
import json
import pathlib
import statistics
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
from comparison import hardware, run, run_lines, spread

PEER = pathlib.Path(__file__).with_name("loader_peer.py")
RAW_SHAPE = (512, 512, 300)       # x, y, z
TARGET_SHAPE = (480, 480, 240)    # x, y, z
GEOMETRIES = {"padded": (0.68, 1.0), "cropped": (0.90, 1.25), "identity": (0.75, 1.5)}  # xy, z in mm
ONE_THREAD = "data:\n  batch_size: 1\n  num_workers: 1\n  prefetch_factor: 1\n  shuffle: false\n"


def add_member(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def make_shard(path, volume, metadata, num_samples):
    with tarfile.open(path, "w") as archive:
        for position in range(num_samples):
            key = f"000000_{position:06d}"
            add_member(archive, key + ".bin", np.roll(volume, position, axis=2).tobytes())
            add_member(archive, key + ".json", json.dumps({"study_id": f"s{position}", **metadata}).encode())
            add_member(archive, key + ".txt", b"Lungs are clear.\nNormal.")
            add_member(archive, key + ".labels", bytes(72))


def make_cases(folder, num_samples):
    """(what it is, shard, loaders of the peer); each shard lives until the next is asked for."""
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 4096, RAW_SHAPE).astype(np.float16)
    stored = (rng.random(TARGET_SHAPE, dtype=np.float32) * 2 - 1).astype(np.float16)
    for name, (xy, z) in GEOMETRIES.items():
        shard = folder / f"{name}.tar"
        make_shard(shard, raw, {"RescaleSlope": 1.0, "RescaleIntercept": -1024.0, "XYSpacing": f"[{xy}, {xy}]",
                                "ZSpacing": z, "original_shape": list(RAW_SHAPE), "volume_shape": list(RAW_SHAPE),
                                "volume_dtype": "float16"}, num_samples)
        yield f"raw {'x'.join(map(str, RAW_SHAPE))}, {xy} / {z} mm ({name})", shard, ["source", "torch"]
        shard.unlink()
    shard = folder / "preprocessed.tar"
    make_shard(shard, stored, {"volume_shape": list(TARGET_SHAPE), "volume_dtype": "float16"}, num_samples)
    yield f"preprocessed {'x'.join(map(str, TARGET_SHAPE))}", shard, ["preprocessed"]


def run_peer(shard, loader, passes, **environment):
    return run([sys.executable, PEER, "--shard", shard, "--loader", loader, "--passes", passes], **environment)


def run_ctclip(bench, shard, passes):
    config = shard.with_suffix(".yaml")
    config.write_text(ONE_THREAD)
    # The first pass touches fresh memory, as the peer's does.
    return run_lines([bench, "loader", "--shards", shard, "--config", config, "--repeats", passes + 1, "-q"])[1:]


def require_equal_bits(bench, shard, loaders):
    ours = [line["sha256"] for line in run_lines([bench, "loader", "--shards", shard, "--digests"])]
    for loader in loaders:
        if run_peer(shard, loader, 0, ATEN_CPU_CAPABILITY="avx2")["sha256"] != ours:
            raise SystemExit(f"{shard.stem}: the model inputs of '{loader}' and of ctclip differ")


def compare(arguments, what, shard, loaders):
    subprocess.run([arguments.bin / "ctclip-shard", "index", shard], check=True, capture_output=True)
    bench = arguments.bin / "ctclip-bench"
    require_equal_bits(bench, shard, loaders)
    theirs, ours, checksum_shares = {loader: [] for loader in loaders}, [], []
    for _ in range(arguments.rounds):
        for loader in loaders:
            theirs[loader].append(statistics.median(run_peer(shard, loader, 1)["cpu_ms"]))
        records = run_ctclip(bench, shard, 3)
        ours.append(statistics.median(record["cpu_ms_per_volume"] for record in records))
        checksum_shares += [record["checksum_ms_per_volume"] / record["busy_ms_per_volume"] for record in records]
    ratios = {loader: [peer / own for peer, own in zip(theirs[loader], ours)] for loader in loaders}
    plain, torch_only = loaders[0], loaders[1] if len(loaders) > 1 else None
    print(f"| {what} | {spread(theirs[plain])} | {spread(theirs[torch_only]) if torch_only else ''} | {spread(ours)} "
          f"| {spread(ratios[plain])} | {spread(ratios[torch_only]) if torch_only else ''} "
          f"| {100 * statistics.median(checksum_shares):.1f} % |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2, help="volumes in a shard")
    parser.add_argument("--case", action="append", help="padded, cropped, identity or preprocessed, to run only some")
    arguments = parser.parse_args()
    print(f"{hardware()}, one thread each, {arguments.samples} volumes a shard, {arguments.rounds} rounds\n")
    print("| volumes | Python loader ms | torch-only ms | ctclip ms | ratio | ratio to torch-only | checksums |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for what, shard, loaders in make_cases(pathlib.Path(folder), arguments.samples):
            if not arguments.case or shard.stem in arguments.case:
                compare(arguments, what, shard, loaders)


if __name__ == "__main__":
    main()
