#!/bin/bash
# ctclip-train whose ranks are stopped, killed, or stopped and continued all together: the job ends in time with the
# name of the rank, or goes on.
# usage: hang_test.sh <source folder of ctclip> <folder of the programs> <mpirun>
set -e
# shellcheck source=tests/jobs/common.sh
source "$1/tests/jobs/common.sh"
limit_s=4

# Starts a run that does not end by itself; returns after its third step. Sets job and ranks.
start_training() {  # <number of ranks>
    rm -rf run
    "${mpirun[@]}" -n "$1" "$bin_dir/ctclip-train" --config "$config" \
        --set training.max_steps=1000000 --set training.save_every_n_steps=2 --set data.batch_size=1 \
        --set training.hang_timeout_s=$limit_s > log.txt 2>&1 &
    job=$!
    for ((i = 0; i < 300; ++i)); do
        if [[ -e run/metrics.jsonl ]] && (( $(wc -l < run/metrics.jsonl) >= 3 )); then
            find_ranks "$1" ctclip-train
            return
        fi
        sleep 0.1
    done
    fail "training never got to its third step"
}

make_shards 4

for count in 2 4; do
    start_training "$count"
    kill -STOP "${ranks[-1]}"
    expect_end 75 "process ${ranks[-1]}) has given no sign of life"
done

start_training 2
kill -STOP "${ranks[0]}"
expect_end 75 "rank 0 has given no sign of life"

for count in 2 4; do
    start_training "$count"
    kill -KILL "${ranks[-1]}"
    expect_end 137 "process ${ranks[-1]}) ended in the middle of its work"
done

start_training 2
kill -STOP "${ranks[@]}"
sleep $((2 * limit_s))
kill -CONT "${ranks[@]}"
lines=$(wc -l < run/metrics.jsonl)
for ((i = 0; i < 100 && $(wc -l < run/metrics.jsonl) < lines + 5; ++i)); do sleep 0.1; done
(( $(wc -l < run/metrics.jsonl) >= lines + 5 )) || fail "the job did not go on after SIGCONT"
kill -TERM "${ranks[@]}"
expect_end 75 "stopped after step"
echo "stopped and continued as a whole: it went on"
