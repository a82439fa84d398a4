#!/bin/bash
# What the programs write is what other people's programs read: GNU tar, Python's tarfile and webdataset, h5py, h5dump,
# TensorBoard.
# usage: peers_test.sh <source folder of ctclip> <folder of the programs> <mpirun> <python with h5py, webdataset, tensorboard>
set -e
# shellcheck source=tests/jobs/common.sh
source "$1/tests/jobs/common.sh"
python=$4
ranks=("${mpirun[@]}" -n 2)

"$bin_dir/ctclip-phantom" --quiet --output phantoms --count 4 --size 32,32,16 --threads 2 > /dev/null
"${ranks[@]}" "$bin_dir/ctclip-convert" --quiet --config "$config"
"${ranks[@]}" "$bin_dir/ctclip-train" --quiet --config "$config"
rm run/checkpoints/step-00000004.h5  # as if killed before it was saved: steps 3 and 4 come again
"${ranks[@]}" "$bin_dir/ctclip-train" --quiet --config "$config"

"$python" "$source_dir/tests/jobs/read_as_peers.py" shards/shard-000000.tar run/checkpoints/step-00000002.h5 run
h5dump run/checkpoints/step-00000002.h5 > dump.txt
grep -q 'GROUP "model"' dump.txt
echo "h5dump reads every value: $(wc -l < dump.txt) lines"
