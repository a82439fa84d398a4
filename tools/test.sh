#!/bin/bash
# Set-up, build, all tests. Ends with ctest's summary; the exit code is 0 only when every test ran and passed.
#
# usage: bash tools/test.sh [ctest arguments, such as -L slurm or -R loader]
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh
bash tools/build.sh release

cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
instructions=$(grep -m1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -xE 'f16c|fma|avx2|avx512f|avx512bw|avx512_bf16|amx_bf16' | paste -sd' ' || true)
echo "test: $(nproc) x ${cpu:-unknown CPU} (${instructions:-no vector extensions found})"

ctest --preset release --parallel "$(nproc)" "$@"
