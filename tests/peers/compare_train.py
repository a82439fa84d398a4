"""Training steps of ctclip and of plain PyTorch, alternately on this machine: time and memory as a Markdown table.

    pip install torch==2.11.0 numpy          # into any Python environment; only this comparison needs it
    python3 tests/peers/compare_train.py --bench build/bin/ctclip-bench --rounds 3

Both sides run each case in a new process with the same threads and sizes (fp32, forward, backward, clipping, AdamW). A
row's time is the median of the rounds' medians, in brackets the least and the most; memory is the largest resident size.
"""
import argparse
import pathlib
import statistics
import sys

from comparison import hardware, run

PEER = pathlib.Path(__file__).with_name("train_peer.py")
# Size, batch, slices, measured steps. Two volumes of 480x480x240 need about 40 GB in plain PyTorch: two of half as many
# slices stand for them.
CASES = [("full", 1, 240, 2), ("full", 2, 120, 2), ("small", 8, 60, 20)]


def cell(records):
    medians = [record["step_s_median"] for record in records]
    least = min(record["step_s_min"] for record in records)
    most = max(record["step_s_max"] for record in records)
    return f"{statistics.median(medians):.3g} [{least:.3g}, {most:.3g}]"


def memory_gb(records):
    return max(record["peak_memory_bytes"] for record in records) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="build/bin/ctclip-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--case", action="append", help="such as full:1, to run only some")
    arguments = parser.parse_args()

    print(f"{hardware()}, {arguments.threads} threads, {arguments.rounds} rounds\n")
    print("| model | batch | slices | PyTorch s/step | ctclip s/step | ratio | PyTorch GB | ctclip GB | share |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for size, batch, frames, steps in CASES:
        if arguments.case and f"{size}:{batch}" not in arguments.case:
            continue
        options = ["--size", size, "--batch", batch, "--frames", frames, "--threads", arguments.threads, "--steps", steps,
                   "--warmup", 1]
        peer, ours = [], []
        for _ in range(arguments.rounds):
            peer.append(run([sys.executable, PEER, *options]))
            ours.append(run([arguments.bench, "train", *options]))
        ratio = statistics.median(
            theirs["step_s_median"] / own["step_s_median"] for theirs, own in zip(peer, ours))
        print(f"| {size} | {batch} | {frames} | {cell(peer)} | {cell(ours)} | {ratio:.2f} | {memory_gb(peer):.1f} | "
              f"{memory_gb(ours):.1f} | {100 * memory_gb(ours) / memory_gb(peer):.0f} % |", flush=True)


if __name__ == "__main__":
    main()
