#!/bin/bash
# Everything that needs a GPU, in one go on the day there is one: builds the preset `cuda`, runs all tests (those of
# devices on the GPU: golden parity, kernels, NCCL, the same step twice), a run of ctclip-train that is stopped and goes
# on, then the benchmarks in every precision, and writes docs/gpu_<device>.md.
#
# usage: bash tools/gpu_acceptance.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

if ! nvidia-smi -L > /dev/null 2>&1; then
    echo "gpu_acceptance: no GPU here (nvidia-smi finds none): nothing was measured" >&2
    exit 69
fi
device=$(nvidia-smi --query-gpu=name --format=csv,noheader | sed -n 1p)
num_gpus=$(nvidia-smi -L | wc -l)
report=docs/gpu_$(tr -c '[:alnum:]\n' '_' <<< "$device" | tr '[:upper:]' '[:lower:]').md

bash tools/setup.sh --cuda
bash tools/build.sh cuda
bin=$PWD/build-cuda/bin

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=passed

# <log> <command>...: what fails does not keep the rest from being measured.
try() {
    local log=$scratch/$1 code
    shift
    set +e  # a function that is part of a condition would go on after a command that fails
    (set -e; "$@") > "$log" 2>&1
    code=$?
    set -e
    (( code == 0 )) || { status=FAILED; echo "(failed: $*)" | tee -a "$log" >&2; }
}
quote() { sed 's/^/    /'; }

as_table() {  # <log> <column>...: its lines of JSON; the others below them
    python3 - "$scratch/$1" "${@:2}" << 'END'
import json, sys

path, *columns = sys.argv[1:]
lines = open(path).read().splitlines()
records, others = [], []
for line in lines:
    try:
        records.append(json.loads(line if line.startswith("{") else ""))
    except json.JSONDecodeError:  # words, or what a program that died left of a line
        others.append(line)
shown = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
print("|", " | ".join(columns), "|\n|", " | ".join("---" for _ in columns), "|")
for record in records:
    print("|", " | ".join(shown(record.get(column, "")) for column in columns), "|")
print("\n" + "\n".join("    " + line for line in others))
END
}

# A build that sees no GPU would skip its tests: those of golden parity that ran are counted.
run_tests() {
    try cpu_tests ctest --preset cuda --parallel "$(nproc)"
    try gpu_tests ctest --preset gpu
    num_golden=$("$bin/../tests/model_test" --gtest_filter='*_cuda' 2> /dev/null | grep -c '^\[ *OK \]' || true)
    (( num_golden > 0 )) || status=FAILED
}

# From shards to checkpoints; a run that was stopped after a step must end in the same bits as one that was not.
train_and_resume() {
    local config=$PWD/tests/data/slurm/tiny.yaml
    export PIPELINE_FOLDER=$scratch/pipeline PIPELINE_VOCABULARY=$PWD/tests/data/text/vocab.txt
    "$bin/ctclip-phantom" --quiet --output "$PIPELINE_FOLDER/phantoms" --count 12 --size 32,32,16
    "$bin/ctclip-convert" -q --config "$config"
    local train=("$bin/ctclip-train" --config "$config" --set training.mixed_precision=fp16
        --set device.use_cuda=true --set device.require_cuda=true)
    "${train[@]}" --set run.dir="$scratch/whole"
    local code=0
    "${train[@]}" --set run.dir="$scratch/stopped" --set training.max_seconds=0.001 || code=$?
    (( code == 75 ))
    "${train[@]}" --set run.dir="$scratch/stopped"
    "$bin/ctclip-ckpt" diff "$scratch"/{whole,stopped}/checkpoints/step-00000004.h5
}

# Volumes of the usual size, as they are stored, for the GPU's part of loading.
measure_loading() {
    local arguments=() part path
    while read -r part path; do
        arguments+=("--$part" "$path")
    done < <("$bin/ctclip-phantom" --quiet --output "$scratch/phantoms" --count 4 --size 512,512,300 --dtype int16)
    "$bin/ctclip-convert" -q "${arguments[@]}" --output "$scratch/shards"
    "$bin/ctclip-bench" loader --gpu --repeats 10 --shards "$scratch/shards"
}

# A batch of more than one sample that does not fit the GPU's memory is said and does not count as a failure.
measure_training() {
    local precision batch code=0 said=$scratch/step
    for precision in fp32 bf16 fp16; do
        for batch in 1 8 32; do
            "$bin/ctclip-bench" train --cuda --size full --steps 20 --warmup 5 --precision "$precision" \
                --batch "$batch" > "$said" 2>&1 || {
                echo "(failed: $precision, batch $batch)"
                if (( batch == 1 )) || ! grep -q 'out of memory' "$said"; then code=1; fi
            }
            cat "$said"
        done
    done
    return "$code"
}

run_tests
try resume train_and_resume
tests=$status status=passed  # from here on that of the benchmarks
try loading measure_loading
try training measure_training
if (( num_gpus > 1 )); then
    try sync mpirun --bind-to none -n "$num_gpus" "$bin/ctclip-bench" sync --cuda --size full --rounds 15
else
    echo 'One GPU: there is nobody to average with.' > "$scratch/sync"
fi

mkdir -p docs
{
    printf '# %s, %s\n\n' "$device" "$(date -u +%F)"
    "$bin/ctclip-bench" --version | quote
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv | quote
    printf '\n## Tests: %s; benchmarks: %s\n\n' "$tests" "$status"
    printf '%s golden cases of the Python reference ran on the GPU.\n\n' "$num_golden"
    tail -n 40 "$scratch/gpu_tests" | quote
    printf '\n'
    tail -n 20 "$scratch/cpu_tests" | quote
    printf '\n## ctclip-train in fp16, whole against stopped and resumed\n\n'
    tail -n 12 "$scratch/resume" | quote
    printf '\n## Stored volumes of 512x512x300 to model inputs (upload, kernel, and a copy of as many bytes)\n\n'
    as_table loading input_type num_volumes kernel_ms_median kernel_ms_min kernel_ms_max floor_ms_median \
        floor_share_median upload_ms_median upload_gb_per_s_median
    printf '\n## Whole training steps at the published sizes (median of 20 after 5 warm-up steps)\n\n'
    as_table training precision batch step_s_median step_s_min step_s_max peak_device_memory_bytes loss
    printf '\n## Gradients averaged over NCCL, hidden behind backward and after it\n\n'
    as_table sync ranks bucket_mib buckets overlapped_buckets sync_s exposed_s hidden_share step_overlapped_s \
        step_afterwards_s
} > "$report"
echo "gpu_acceptance: tests $tests, benchmarks $status; figures are in $report"
[[ $tests$status == passedpassed ]]
