"""Reads one shard as other programs do, and prints `reader key suffix sha256` a line for every member.

usage: read_shard.py SHARD    (Python with webdataset; GNU tar on the PATH)
"""
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import webdataset


def show(reader, key, suffix, content):
    print(reader, key, suffix, hashlib.sha256(content).hexdigest())


def split(name):
    key, _, suffix = name.partition(".")
    return key, suffix


shard = sys.argv[1]

with tarfile.open(shard) as tar:
    for member in tar:
        show("tarfile", *split(member.name), tar.extractfile(member).read())

for sample in webdataset.WebDataset(shard, shardshuffle=False):
    for suffix, content in sample.items():
        if not suffix.startswith("__"):
            show("webdataset", sample["__key__"], suffix, content)

with tempfile.TemporaryDirectory() as folder:
    subprocess.run(["tar", "--extract", "--file", shard, "--directory", folder], check=True)
    names = subprocess.run(["tar", "--list", "--file", shard], check=True, capture_output=True, text=True)
    for name in names.stdout.split():
        show("gnutar", *split(name), (Path(folder) / name).read_bytes())
