#!/bin/bash
# ctclip-evaluate as a user meets it: it takes its output first, stops when asked and goes on, notices a rank that hangs,
# and scores imported weights.
# usage: evaluate_test.sh <source folder of ctclip> <folder of the programs> <mpirun>
set -e
# shellcheck source=tests/jobs/common.sh
source "$1/tests/jobs/common.sh"

evaluate=("${mpirun[@]}" -n 2 "$bin_dir/ctclip-evaluate" --config "$config"
    --set evaluate.batch_size=1 --set evaluate.num_workers=0)

expect() {  # <exit code> <text> <arguments>...
    local code=0
    "${evaluate[@]}" "${@:3}" > log.txt 2>&1 || code=$?
    (( code == $1 )) || fail "exit code $code instead of $1"
    grep -q -- "$2" log.txt || fail "the log does not say '$2'"
}
# Starts an evaluation; returns as soon as it scores. Sets job and ranks.
start_evaluation() {  # <arguments>...
    : > log.txt
    "${evaluate[@]}" "$@" > log.txt 2>&1 &
    job=$!
    until grep -q scoring log.txt; do kill -0 "$job" || fail "it never scored"; done
    find_ranks 2 ctclip-evaluate
}

make_shards 60 --set convert.samples_per_shard=30
"$bin_dir/ctclip-train" --quiet --config "$config" --set training.max_steps=1 --set training.save_every_n_steps=1

# The output is looked at before anything else, also by a dry run, which leaves nothing.
touch file
for dry_run in '' --dry-run; do
    # shellcheck disable=SC2086  # no word where it is empty
    expect 73 "is not a folder\|Not a directory" --output file/results $dry_run
    ! grep -q scoring log.txt || fail "it scored before it looked at its output"
done
expect 0 "scoring 60 of 60" --dry-run --output later/results
[[ ! -e later ]] || fail "a dry run made a folder"

# It can be told where to compute.
expect 69 "device.require_cuda is set" --set device.use_cuda=true --set device.require_cuda=true --set device.cuda_device=0
expect 0 "report:" --output whole

# Asked to stop, it ends with 75 on all ranks, and the same command goes on to the same scores.
start_evaluation --output stopped
kill -USR1 "${ranks[-1]}"
expect_end 75 "stopped after [0-9]* of 60 studies"
[[ ! -e stopped/evaluation.json ]] || fail "a stopped evaluation looks finished"
expect 0 "report:" --output stopped
cmp whole/scores.csv stopped/scores.csv
[[ ! -e stopped/partial.safetensors && ! -e stopped/.ctclip.lock ]] || fail "something is left over"

# A rank that is stopped ends the job.
start_evaluation --output hung --set evaluate.hang_timeout_s=3
kill -STOP "${ranks[-1]}"
expect_end 75 "process ${ranks[-1]}) has given no sign of life"

# Imported weights are for evaluation and for new runs.
"$bin_dir/ctclip-ckpt" export run/checkpoints/step-00000001.h5 --output weights.safetensors > /dev/null
"$bin_dir/ctclip-ckpt" import weights.safetensors --config "$config" --output imported.h5 > /dev/null
expect 0 "report:" --checkpoint imported.h5 --output imported
cmp whole/scores.csv imported/scores.csv
"$bin_dir/ctclip-train" --config "$config" --set training.max_steps=1 --set run.dir=tuned \
    --set model.init_from=imported.h5 > log.txt 2>&1 || fail "a run does not start from imported weights"
echo "evaluate: output first, stop and go on, hang, imported weights"
