#!/bin/bash
# Configures and builds a preset (default: release, into build/).
#
# usage: bash tools/build.sh [release|dev|asan|fuzz|cuda]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}

# A file that includes LibTorch takes up to 2.5 GB to compile.
num_jobs=$(nproc)
memory_jobs=$(awk '/MemAvailable/ { print int($2 / 2500000) }' /proc/meminfo)
if (( memory_jobs < num_jobs )); then
    num_jobs=$(( memory_jobs > 0 ? memory_jobs : 1 ))
fi

cmake --preset "$preset" > /dev/null
cmake --build --preset "$preset" --parallel "$num_jobs"
