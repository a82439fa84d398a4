"""Loading in plain Python (tarfile, numpy, torch): the peer that `ctclip-bench loader` is measured against.

Three loaders of one thread each, as in a DataLoader worker:
  source        CTCLIP_MODERN's steps, copy for copy
  torch         the same result with as few passes over memory as torch allows
  preprocessed  what CTCLIP_MODERN does with volumes that were preprocessed before they were stored

    python3 tests/peers/loader_peer.py --shard SHARD.tar --loader source --passes 2

prints one JSON line: milliseconds of processor and wall time per volume, reading included, of each pass after a first
that is not counted, and the SHA-256 of every model input. compare_loader.py runs it beside ctclip.
"""
import argparse
import hashlib
import json
import tarfile
import time

import numpy as np
import torch
import torch.nn.functional as F

TARGET_SPACING = (1.5, 0.75, 0.75)  # z, x, y
TARGET_SHAPE = (480, 480, 240)      # x, y, z


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


LOADERS = {"source": load_source, "torch": load_torch, "preprocessed": load_preprocessed}


def digest(model_input):
    return hashlib.sha256(model_input.contiguous().numpy().tobytes()).hexdigest()


def time_pass(shard, load):
    """(processor, wall) milliseconds per volume."""
    cpu_start, wall_start, count = time.process_time(), time.perf_counter(), 0
    for sample in read_samples(shard):
        load(sample)
        count += 1
    return (time.process_time() - cpu_start) * 1e3 / count, (time.perf_counter() - wall_start) * 1e3 / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shard", required=True)
    parser.add_argument("--loader", choices=LOADERS, required=True)
    parser.add_argument("--passes", type=int, default=1, help="that are measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    load = LOADERS[options.loader]
    digests = [digest(load(sample)) for sample in read_samples(options.shard)]
    times = [time_pass(options.shard, load) for _ in range(options.passes)]
    print(json.dumps({"loader": options.loader, "cpu_ms": [cpu for cpu, _ in times],
                      "wall_ms": [wall for _, wall in times], "sha256": digests, "torch": torch.__version__,
                      "numpy": np.__version__, "capability": torch.backends.cpu.get_cpu_capability()}))


if __name__ == "__main__":
    main()
