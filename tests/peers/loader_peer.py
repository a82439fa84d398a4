"""Loading in plain Python (tarfile, numpy, torch): the peer that `ctclip-bench loader` is measured against.

Three loaders of one thread each, as in a DataLoader worker:
  source        CTCLIP_MODERN's steps, copy for copy
  torch         the same result with as few passes over memory as torch allows
  preprocessed  what CTCLIP_MODERN does with volumes that were preprocessed before they were stored

    python3 tests/peers/loader_peer.py --bench build/bin/ctclip-bench --shard-tool build/bin/ctclip-shard

makes shards of 512x512x300 voxels in a temporary folder, runs peer and ctclip in turn, and prints one JSON line a case:
milliseconds of processor time per volume (median, spread), the ratio, and whether the model inputs have equal bits
(always for `preprocessed`; for the others where torch's interpolation uses the AVX2 kernels of the golden volumes).
"""
import argparse
import hashlib
import io
import json
import pathlib
import statistics
import subprocess
import tarfile
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F

TARGET_SPACING = (1.5, 0.75, 0.75)  # z, x, y
TARGET_SHAPE = (480, 480, 240)      # x, y, z
GEOMETRIES = {"padded": (0.68, 1.0), "cropped": (0.90, 1.25), "identity": (0.75, 1.5)}  # xy, z in mm


def read_samples(shard):
    """Stream mode, as webdataset reads: key -> {suffix: bytes}."""
    with tarfile.open(shard, "r|") as archive:
        sample, current = {}, None
        for member in archive:
            key, suffix = member.name.split(".", 1)
            if key != current and sample:
                yield sample
                sample = {}
            current = key
            sample[suffix] = archive.extractfile(member).read()
        yield sample


def resized_size(shape_zxy, spacing_zxy):
    return [int(n * (spacing / target)) for n, spacing, target in zip(shape_zxy, spacing_zxy, TARGET_SPACING)]


def crop_and_pad(tensor, value):
    """Centre; axes (x, y, z)."""
    slices, pads = [], []
    for size, target in zip(tensor.shape, TARGET_SHAPE):
        start = max((size - target) // 2, 0)
        end = min(start + target, size)
        before = (target - (end - start)) // 2
        slices.append(slice(start, end))
        pads = [before, target - (end - start) - before] + pads
    return F.pad(tensor[tuple(slices)], pads, value=value)


def load_source(sample):
    metadata = json.loads(sample["json"])
    array = np.frombuffer(sample["bin"], dtype=np.float16).reshape(metadata["volume_shape"]).astype(np.float32)
    array = metadata["RescaleSlope"] * array + metadata["RescaleIntercept"]
    array = np.clip(array, -1000, 1000)
    tensor = torch.tensor(array.transpose(2, 0, 1))[None, None]
    xy = float(metadata["XYSpacing"].strip("[]").split(",")[0])
    size = resized_size(tensor.shape[2:], (metadata["ZSpacing"], xy, xy))
    array = F.interpolate(tensor, size=size, mode="trilinear", align_corners=False)[0][0].numpy()
    array = (np.transpose(array, (1, 2, 0)) / 1000).astype(np.float32)
    tensor = crop_and_pad(torch.tensor(array), -1)
    return torch.stack([tensor.permute(2, 0, 1)[None]])


def load_torch(sample):
    metadata = json.loads(sample["json"])
    volume = torch.frombuffer(bytearray(sample["bin"]), dtype=torch.float16).view(metadata["volume_shape"])
    volume = volume.permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format)
    volume.mul_(metadata["RescaleSlope"]).add_(metadata["RescaleIntercept"]).clamp_(-1000, 1000)
    xy = float(metadata["XYSpacing"].strip("[]").split(",")[0])
    size = resized_size(volume.shape, (metadata["ZSpacing"], xy, xy))
    volume = F.interpolate(volume[None, None], size=size, mode="trilinear", align_corners=False)[0, 0].div_(1000)
    return crop_and_pad(volume.permute(1, 2, 0), -1).permute(2, 0, 1)[None, None]


def load_preprocessed(sample):
    metadata = json.loads(sample["json"])
    array = np.frombuffer(sample["bin"], dtype=np.float16).reshape(metadata["volume_shape"]).copy()
    tensor = torch.from_numpy(array).float().permute(2, 0, 1)[None]
    return torch.stack([tensor])


def add_member(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def make_shard(path, volume, metadata, num_samples):
    with tarfile.open(path, "w") as archive:
        for position in range(num_samples):
            key = f"000000_{position:06d}"
            add_member(archive, key + ".bin", volume.tobytes())
            add_member(archive, key + ".json", json.dumps({"study_id": f"s{position}", **metadata}).encode())
            add_member(archive, key + ".txt", b"Lungs are clear.\nNormal.")
            add_member(archive, key + ".labels", bytes(72))


def make_cases(folder, num_samples):
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 4096, (512, 512, 300)).astype(np.float16)
    stored = (rng.random(TARGET_SHAPE, dtype=np.float32) * 2 - 1).astype(np.float16)
    for name, (xy, z) in GEOMETRIES.items():
        metadata = {"RescaleSlope": 1.0, "RescaleIntercept": -1024.0, "XYSpacing": f"[{xy}, {xy}]", "ZSpacing": z,
                    "original_shape": list(raw.shape), "volume_shape": list(raw.shape), "volume_dtype": "float16"}
        make_shard(folder / f"{name}.tar", raw, metadata, num_samples)
        yield name, folder / f"{name}.tar", {"source": load_source, "torch": load_torch}
    make_shard(folder / "preprocessed.tar", stored,
               {"volume_shape": list(stored.shape), "volume_dtype": "float16"}, num_samples)
    yield "preprocessed", folder / "preprocessed.tar", {"preprocessed": load_preprocessed}


def time_peer(shard, load):
    """Milliseconds of processor time per volume, reading included."""
    start, count, last = time.process_time(), 0, None
    for sample in read_samples(shard):
        last = load(sample)
        count += 1
    return (time.process_time() - start) * 1e3 / count, last


def time_ctclip(bench, shard, num_repeats=3):
    config = shard.parent / "one_thread.yaml"
    config.write_text("data:\n  batch_size: 1\n  num_workers: 1\n  prefetch_factor: 1\n  shuffle: false\n")
    command = [bench, "loader", "--shards", shard, "--config", config, "--repeats", str(num_repeats), "-q"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return min(json.loads(line)["cpu_ms_per_volume"] for line in lines[1:])  # the first pass touches fresh memory


def ctclip_digest(bench, shard):
    """SHA-256 of the last model input."""
    lines = subprocess.run([bench, "loader", "--shards", shard, "--digests"], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return json.loads(lines[-1])["sha256"]


def spread(values):
    return {"median_ms": round(statistics.median(values), 1), "min_ms": round(min(values), 1),
            "max_ms": round(max(values), 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="ctclip-bench")
    parser.add_argument("--shard-tool", help="ctclip-shard: its index makes ctclip verify every byte")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2, help="volumes in a shard")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        for case, shard, loaders in make_cases(pathlib.Path(name), options.samples):
            if options.shard_tool:
                subprocess.run([options.shard_tool, "index", shard], check=True, capture_output=True)
            times = {key: [] for key in [*loaders, "ctclip"]}
            for _ in range(options.rounds):
                for key, load in loaders.items():
                    milliseconds, last = time_peer(shard, load)
                    times[key].append(milliseconds)
                times["ctclip"].append(time_ctclip(options.bench, shard))
            record = {"case": case, "torch_version": torch.__version__, "numpy_version": np.__version__,
                      "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                      "verifies_checksums": bool(options.shard_tool)}
            for key, values in times.items():
                record[key] = spread(values)
            for key in loaders:
                record[f"{key}_over_ctclip"] = round(
                    record[key]["median_ms"] / record["ctclip"]["median_ms"], 1)
            digest = hashlib.sha256(last.contiguous().numpy().tobytes()).hexdigest()
            record["equal_bits"] = digest == ctclip_digest(options.bench, shard)
            print(json.dumps(record), flush=True)
            shard.unlink()


main()
