#!/bin/bash
# Long fuzzing with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, over the corpora of the repository.
# Needs clang (apt-get install clang); the short deterministic run of the same targets is part of ctest (-L fuzz).
#
# usage: bash tools/fuzz.sh [target|all] [executions of each target, default 1000000]
# What it learns stays in build-fuzz/fuzz/corpus, finds go to build-fuzz/fuzz/finds. Exit 0 only without a find.
set -euo pipefail
cd "$(dirname "$0")/.."

exit_usage=64 exit_bad_input=65 exit_unavailable=69
wanted=${1:-all}
executions=${2:-1000000}

say() { printf 'fuzz: %s\n' "$*" >&2; }
stop() { say "$2"; exit "$1"; }

[[ $executions =~ ^[1-9][0-9]*$ ]] || stop $exit_usage "'$executions' is no number of executions"
command -v clang++ > /dev/null || stop $exit_unavailable "clang++ is missing. Install it with: apt-get install clang"
bash tools/build.sh fuzz

targets=()
for list in build-fuzz/fuzz/*.corpus; do
    name=$(basename "$list" .corpus)
    [[ $wanted == all || $wanted == "$name" ]] && targets+=("$name")
done
(( ${#targets[@]} > 0 )) || stop $exit_usage "no target '$wanted' (tests/fuzz/CMakeLists.txt lists them)"

num_finds=0
for name in "${targets[@]}"; do
    learnt=build-fuzz/fuzz/corpus/$name finds=build-fuzz/fuzz/finds/$name log=build-fuzz/fuzz/$name.log
    mkdir -p "$learnt" "$finds"
    mapfile -t corpus < "build-fuzz/fuzz/$name.corpus"
    seconds=$SECONDS
    # Memory that one input asks for is bounded: a size that nobody checked shows as a find.
    # -entropic=0: its bookkeeping takes more time than our parsers do.
    status=0
    build-fuzz/tests/fuzz_"$name" -runs="$executions" -max_len="$(< "build-fuzz/fuzz/$name.max_bytes")" -timeout=10 -entropic=0 \
        -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$finds/" \
        "$learnt" "${corpus[@]}" > "$log" 2>&1 || status=$?
    verdict='no find'
    if (( status != 0 )); then
        verdict="FIND, or stopped (exit code $status, see $log)"
        num_finds=$(( num_finds + 1 ))
    fi
    done_executions=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
    printf '%-16s %12s executions %6s s  %s\n' "$name" "${done_executions:-?}" $(( SECONDS - seconds )) "$verdict"
done
(( num_finds == 0 )) || exit $exit_bad_input
