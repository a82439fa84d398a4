#!/bin/bash
# The stage scripts on a real Slurm, with stand-ins for the programs: order, failure, signals, requeue.
# usage: throwaway_cluster.sh -- stages_test.sh <source folder of ctclip> <stand_in_job>
set -e
source_dir=$1 stand_in_job=$2
# shellcheck source=tests/slurm/check.sh
source "$source_dir/tests/slurm/check.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export CTCLIP_TEST_CALLS=$scratch/calls  # wherever a stage runs

# Stand-ins: note the call, then do what the configuration file (a shell snippet) says.
mkdir bin
for program in ctclip-convert ctclip-train ctclip-evaluate; do
    cat > "bin/$program" << 'EOF'
#!/bin/bash
# Rank 0 of two tasks notes the call.
[[ ${SLURM_PROCID:-0} != 0 ]] || echo "$(basename "$0") $2 life ${SLURM_RESTART_COUNT:-0} cpus ${SLURM_CPUS_PER_TASK:-}" >> "$CTCLIP_TEST_CALLS"
source "$2"
EOF
    chmod +x "bin/$program"
done
cat > bin/ctclip-bench << 'EOF'
#!/bin/bash
echo "ctclip-bench $* with ${SLURM_NTASKS:-no} tasks" >> "$CTCLIP_TEST_CALLS"
EOF
chmod +x bin/ctclip-bench
cat > site.conf << EOF
convert_options=(--ntasks=2 --cpus-per-task=1)
train_options=(--nodes=2 --ntasks-per-node=1 --cpus-per-task=1)
evaluate_options=(--ntasks=1 --cpus-per-task=1)
launcher=(srun --mpi=pmix --kill-on-bad-exit=1 --wait=5)
bin_dir=$scratch/bin log_dir=$scratch/logs/deep max_restarts=\${TEST_MAX_RESTARTS:-5} min_life_s=0
site_environment() { echo "site environment is set"; }
EOF
export CTCLIP_SITE=$scratch/site.conf
echo 'exit 0' > good
echo "exec $stand_in_job --action fail --set convert.failing_rank=1" > bad_data
# Waits to be told to stop, once; asked again (second life) it ends well.
cat > stoppable << 'EOF'
(( ${SLURM_RESTART_COUNT:-0} == 0 )) || exit 0
trap 'trap "" TERM; exit 75' USR1
trap 'exit 75' TERM
echo "rank $SLURM_PROCID waits"
for ((i = 0; i < 600; i++)); do sleep 0.1; done
EOF

job_of() { awk -v stage="$1" '$1 == stage { print $2 }'; }

test_chain_runs_in_order() {
    local jobs
    jobs=$(bash "$source_dir/slurm/pipeline.sh" --convert good --convert good --train good --evaluate good)
    check "evaluate completes" "$(state_at_end "$(job_of evaluate <<< "$jobs")")" COMPLETED
    check "calls" "$(cut -d' ' -f1,2 calls | paste -sd,)" \
        "ctclip-convert good,ctclip-convert good,ctclip-train good,ctclip-evaluate good"
    check_contains "the ranks get the cores of their task" "$(cat calls)" "cpus 1"
    check_contains "logs are where the site says" "$(ls logs/deep)" "ctclip-train-$(job_of train <<< "$jobs").out"
    check_contains "the site's environment is set" "$(cat logs/deep/ctclip-train-*.out)" "site environment is set"
}

test_failure_cancels_the_rest() {
    local jobs convert
    jobs=$(bash "$source_dir/slurm/pipeline.sh" --convert bad_data --train good --evaluate good)
    convert=$(job_of convert <<< "$jobs")
    check "convert fails" "$(state_at_end "$convert" 30)" FAILED
    check "with the code of the rank that failed" "$(exit_code_of "$convert")" 65
    check "train is cancelled" "$(state_at_end "$(job_of train <<< "$jobs")")" CANCELLED
    check "evaluate is cancelled" "$(state_at_end "$(job_of evaluate <<< "$jobs")")" CANCELLED
}

test_stop_before_the_limit_requeues() {
    local job log
    job=$(bash "$source_dir/slurm/train.sh" --config stoppable)
    log=logs/deep/ctclip-train-$job.out
    wait_for_text "$log" "rank 0 waits"
    wait_for_text "$log" "rank 1 waits"
    scancel --batch --signal=USR1 "$job"  # what --signal=B:USR1 sends
    check "the second life completes" "$(state_at_end "$job" 90)" COMPLETED
    check_contains "the log keeps the first life" "$(cat "$log")" "ended with exit code 75"
    check_contains "the second life knows what it is" "$(cat "$log")" "restart 1,"
}

test_cancelled_jobs_stay_cancelled() {
    local job
    job=$(bash "$source_dir/slurm/train.sh" --config stoppable)
    wait_for_text "logs/deep/ctclip-train-$job.out" "rank 0 waits"
    scancel "$job"
    check "cancelled" "$(state_at_end "$job")" CANCELLED
}

test_restarts_have_a_limit() {
    local job
    echo 'trap "" TERM; sleep 0.5; exit 75' > always_75
    job=$(TEST_MAX_RESTARTS=0 bash "$source_dir/slurm/train.sh" --config always_75)
    check "not requeued" "$(state_at_end "$job")" FAILED
    check "code 75 stays" "$(exit_code_of "$job")" 75
    check_contains "says why" "$(cat "logs/deep/ctclip-train-$job.out")" "max_restarts"
}

# A rank that ends with a code makes srun end the others: their code must be the same.
test_codes_survive_srun() {
    local expected arguments code
    while read -r expected arguments; do
        code=0
        # shellcheck disable=SC2086  # words
        timeout 30 srun -n 3 --mpi=pmix --kill-on-bad-exit=1 "$stand_in_job" $arguments < /dev/null 2> error || code=$?
        check "code of '$arguments'" "$code" "$expected"
    done << 'EOF'
0 --action nothing
64 --nonsense
78 --set convert.nonsense=1
65 --action fail
65 --action fail --set convert.failing_rank=2
70 --action throw --set convert.failing_rank=0
EOF
}

test_a_precision_study_starts_its_ranks_itself() {
    local job
    job=$(bash "$source_dir/slurm/precision_study.sh" --config good --seeds 1,2)
    check "completes" "$(state_at_end "$job")" COMPLETED
    check_contains "once, with the launcher of the site and the sizes of training" "$(cat calls)" \
        "ctclip-bench precision --launcher srun --mpi=pmix --kill-on-bad-exit=1 --wait=5 --config good --seeds 1,2 with 2 tasks"
}

test_missing_programs_are_named() {
    local job
    sed "s|bin_dir=.*bin |bin_dir=$scratch/nowhere |" site.conf > other_site.conf
    job=$(CTCLIP_SITE=$scratch/other_site.conf bash "$source_dir/slurm/convert.sh" --config good)
    check "fails" "$(state_at_end "$job")" FAILED
    check "service missing" "$(exit_code_of "$job")" 69
    check_contains "says what to do" "$(cat "logs/deep/ctclip-convert-$job.out")" "tools/build.sh"
}

test_plain_sbatch_works_from_the_source_folder() {
    local job
    job=$(cd "$source_dir" && sbatch --parsable --ntasks=1 --output="$scratch/plain.out" slurm/evaluate.sh --config "$scratch/good")
    check "completes" "$(state_at_end "$job")" COMPLETED
}

test_an_incomplete_chain_is_not_submitted() {
    local code=0
    bash "$source_dir/slurm/pipeline.sh" --convert good --train missing --evaluate good 2> error || code=$?
    check "bad configuration" "$code" 78
    check_contains "names the file" "$(cat error)" missing
    code=0
    bash "$source_dir/slurm/pipeline.sh" --convert good 2> error || code=$?
    check "usage" "$code" 64
    check_contains "shows the usage" "$(cat error)" "usage: bash slurm/pipeline.sh"
}

for test in $(declare -F | awk '$3 ~ /^test_/ { print $3 }'); do
    printf '%s\n' "$test"
    rm -f calls
    "$test"
done
finish
