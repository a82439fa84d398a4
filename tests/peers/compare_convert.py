"""Conversion by ctclip and by Python (numpy, tarfile), alternately on this machine, as a Markdown table.

    python3 tests/peers/compare_convert.py --bin build/bin --rounds 3

needs numpy only. Makes 64 phantoms of 512x512x128 of one stored type after the other in a temporary folder (up to 12 GB;
--scratch chooses where), reads them from the page cache, one process each, and checks that both wrote the same bytes. With
fewer (--count) the first touch of the memory that a rank then keeps shows more. Times are from start to shards that are
synced to disk.
"""
import argparse
import hashlib
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from comparison import hardware, run, spread

PEER = pathlib.Path(__file__).with_name("convert_peer.py")


def digests(folder):
    return [hashlib.sha256(shard.read_bytes()).hexdigest() for shard in sorted(folder.glob("shard-*.tar"))]


def compare(arguments, scratch, dtype):
    studies = scratch / dtype
    made = subprocess.run([arguments.bin / "ctclip-phantom", "--quiet", "--output", studies, "--count",
                           str(arguments.count), "--size", arguments.size, "--dtype", dtype],
                          check=True, capture_output=True, text=True)
    inputs = []  # the program prints a line "volumes PATH", and so on
    for line in made.stdout.splitlines():
        name, path = line.split(maxsplit=1)
        inputs += [f"--{name}", path]
    theirs, ours = [], []
    for _ in range(arguments.rounds):
        peer, converted = scratch / "peer", scratch / "ours"
        shards = ["--samples-per-shard", arguments.samples_per_shard]
        theirs.append(run([sys.executable, PEER, *inputs, *shards, "--output", peer]))
        ours.append(run([arguments.bin / "ctclip-bench", "convert", *inputs, *shards, "--output", converted,
                         "--keep"]))
        if digests(converted) != theirs[-1]["sha256"]:
            raise SystemExit(f"{dtype}: the two wrote different bytes")
        shutil.rmtree(peer)
        shutil.rmtree(converted)
    shutil.rmtree(studies)
    per_volume = 1e3 / arguments.count
    ratio = [peer["wall_s"] / own["wall_s"]["median"] for peer, own in zip(theirs, ours)]
    cpu_ratio = [peer["cpu_s"] / own["cpu_s"]["median"] for peer, own in zip(theirs, ours)]
    outside, cpu_outside, digest = (
        statistics.median(own[key]["median"] for own in ours)
        for key in ("fraction_outside_inflate", "cpu_fraction_outside_inflate", "cpu_fraction_digest"))
    print(f"| {dtype} | {spread([per_volume * peer['wall_s'] for peer in theirs])} "
          f"| {spread([per_volume * own['wall_s']['median'] for own in ours])} | {spread(ratio)} | {spread(cpu_ratio)} "
          f"| {100 * outside:.0f} % | {100 * cpu_outside:.0f} % | {100 * digest:.0f} % |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--size", default="512,512,128")
    parser.add_argument("--samples-per-shard", default="8",
                        help="of both (default 8: as in a long run, most shards end while the next one is written)")
    parser.add_argument("--dtype", action="append", help="float64, float32 or int16 (default: the first two)")
    parser.add_argument("--scratch", type=pathlib.Path, help="folder for the data, on the file system to measure")
    arguments = parser.parse_args()
    print(f"{hardware()}, one process each, {arguments.count} volumes of {arguments.size}, {arguments.rounds} rounds\n")
    print("| stored as | Python ms/volume | ctclip ms/volume | ratio (wall) | ratio (processor) "
          "| outside inflate (wall) | outside inflate (processor) | of it digests |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        for dtype in arguments.dtype or ["float64", "float32"]:
            compare(arguments, pathlib.Path(scratch), dtype)


if __name__ == "__main__":
    main()
