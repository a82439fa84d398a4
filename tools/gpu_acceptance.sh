#!/bin/bash
# Everything that needs a GPU, in one go on the day there is one: builds the preset `cuda`, runs all tests (those of
# devices included), then the benchmarks in every precision, and writes docs/gpu_<device>.md.
#
# usage: bash tools/gpu_acceptance.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if ! nvidia-smi -L > /dev/null 2>&1; then
    echo "gpu_acceptance: no GPU here (nvidia-smi finds none): nothing was measured" >&2
    exit 69
fi
device=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)
report=docs/gpu_$(tr -c '[:alnum:]\n' '_' <<< "$device" | tr '[:upper:]' '[:lower:]').md

bash tools/setup.sh --cuda
bash tools/build.sh cuda
bin=build-cuda/bin

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tests=$scratch/tests
status=passed
ctest --preset cuda > "$tests" 2>&1 || status=FAILED
# Golden parity on the GPU is part of them; that it ran is looked at, since a build that sees no GPU leaves it out.
num_golden=$("$bin/../tests/model_test" --gtest_list_tests --gtest_filter='*_cuda*' | grep -c '_cuda' || true)
(( num_golden > 0 )) || status=FAILED

# Volumes of the usual size, as they are stored, for the GPU's part of loading.
make_shards() {
    local arguments=() part path
    while read -r part path; do
        arguments+=("--$part" "$path")
    done < <("$bin/ctclip-phantom" --quiet --output "$scratch/phantoms" --count 4 --size 512,512,300 --dtype int16)
    "$bin/ctclip-convert" -q "${arguments[@]}" --output "$scratch/shards"
}
make_shards || status=FAILED

measure() { "$bin/ctclip-bench" train --cuda --steps 20 --warmup 5 "$@" 2>&1 || echo "(failed: $*)"; }

mkdir -p docs
{
    printf '# %s, %s\n\n' "$device" "$(date -u +%F)"
    printf 'ctclip %s\n\n' "$(git describe --always --dirty)"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv | sed 's/^/    /'
    printf '\n## Tests: %s\n\n' "$status"
    printf '%s golden cases of the Python reference ran on the GPU.\n\n' "$num_golden"
    tail -n 40 "$tests" | sed 's/^/    /'
    printf '\n## Stored volumes of 512x512x300 to model inputs (upload, kernel, and a copy of as many bytes)\n\n'
    { "$bin/ctclip-bench" loader --gpu --repeats 10 --shards "$scratch/shards" 2>&1 || echo "(failed)"; } | sed 's/^/    /'
    printf '\n## Whole training steps at the published sizes (median of 20 after 5 warm-up steps)\n\n'
    for precision in fp32 bf16 fp16; do
        for batch in 1 8 32; do
            measure --size full --precision "$precision" --batch "$batch" | sed 's/^/    /'
        done
    done
} > "$report"
echo "gpu_acceptance: tests $status; figures are in $report"
[[ $status == passed ]]
