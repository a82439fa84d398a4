#!/bin/bash
# What the programs write is what other people's programs read: GNU tar, Python's tarfile and webdataset, h5py, h5dump,
# TensorBoard.
# usage: peers_test.sh <source folder of ctclip> <folder of the programs> <mpirun> <python with h5py, webdataset, tensorboard>
set -euo pipefail
source_dir=$1 bin_dir=$2 mpirun=$3 python=$4

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export PIPELINE_FOLDER=$scratch PIPELINE_VOCABULARY=$source_dir/tests/data/text/vocab.txt
export OMP_NUM_THREADS=1
config=$source_dir/tests/data/slurm/tiny.yaml
ranks=("$mpirun" --oversubscribe --bind-to none -n 2)

"$bin_dir/ctclip-phantom" --quiet --output phantoms --count 4 --size 32,32,16 --threads 2 > /dev/null
"${ranks[@]}" "$bin_dir/ctclip-convert" --quiet --config "$config"
"${ranks[@]}" "$bin_dir/ctclip-train" --quiet --config "$config"
rm run/checkpoints/step-00000004.h5  # as if killed before it was saved: steps 3 and 4 come again
"${ranks[@]}" "$bin_dir/ctclip-train" --quiet --config "$config"

"$python" "$source_dir/tests/jobs/read_as_peers.py" shards/shard-000000.tar run/checkpoints/step-00000002.h5 run
h5dump run/checkpoints/step-00000002.h5 > dump.txt
grep -q 'GROUP "model"' dump.txt
echo "h5dump reads every value: $(wc -l < dump.txt) lines"
