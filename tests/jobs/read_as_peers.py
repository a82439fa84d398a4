"""Reads a shard, a checkpoint and the events of ours with the libraries that other people use, and says where they
disagree.

    python read_as_peers.py SHARD.tar CHECKPOINT.h5 RUN
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile

import h5py
import numpy
import webdataset
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def digests_by_gnu_tar(path):
    names = subprocess.run(["tar", "-tf", path], check=True, capture_output=True, text=True).stdout.split()
    return {
        name: hashlib.sha256(
            subprocess.run(["tar", "-xOf", path, name], check=True, capture_output=True).stdout
        ).hexdigest()
        for name in names
    }


def digests_by_tarfile(path):
    with tarfile.open(path) as archive:
        return {
            member.name: hashlib.sha256(archive.extractfile(member).read()).hexdigest() for member in archive
        }


def digests_by_webdataset(path):
    digests = {}
    for sample in webdataset.WebDataset(path, shardshuffle=False):
        for extension, content in sample.items():
            if not extension.startswith("__"):
                digests[f"{sample['__key__']}.{extension}"] = hashlib.sha256(content).hexdigest()
    return digests


def check_shard(path):
    expected = digests_by_tarfile(path)
    assert expected, f"{path} is empty"
    assert digests_by_gnu_tar(path) == expected, "GNU tar and tarfile read different bytes"
    assert digests_by_webdataset(path) == expected, "webdataset and tarfile read different bytes"
    print(f"{len(expected)} members, equal for GNU tar, tarfile and webdataset")


def check_checkpoint(path):
    with h5py.File(path) as file:
        assert file.attrs["step"] == 2, file.attrs["step"]
        model = file["model"]
        assert "temperature" in model, list(model)
        num_values = 0
        for name, dataset in model.items():
            values = dataset[()]
            assert numpy.all(numpy.isfinite(values)), name
            num_values += values.size
            moments = file["optimizer/exp_avg"].get(name)
            assert moments is None or moments.shape == dataset.shape, name
        print(f"{len(model)} tensors, {num_values} values, read by h5py {h5py.__version__}")


def check_events(run):
    """TensorBoard shows, once for every step of a resumed run, what metrics.jsonl says."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    tags = events.Tags()["scalars"]
    assert "train/loss" in tags and "train/lr" in tags, tags
    num_values = 0
    for name in ("loss", "lr", "loss_scale", "grad_norm", "step_s"):
        scalars = events.Scalars(f"train/{name}")
        shown = {event.step: event.value for event in scalars}
        assert len(scalars) == len(shown), (name, [event.step for event in scalars])
        written = {record["step"]: record[name] for record in records if record.get(name) is not None}
        assert shown.keys() == written.keys() and shown, (name, shown, written)
        for step, value in written.items():
            assert numpy.float32(value) == numpy.float32(shown[step]), (name, step, value, shown[step])
            num_values += 1
    print(f"{len(tags)} tags, {num_values} values, equal in TensorBoard and metrics.jsonl")


check_shard(sys.argv[1])
check_checkpoint(sys.argv[2])
check_events(pathlib.Path(sys.argv[3]))
