# shellcheck shell=bash
# What the tests of whole programs share. Sourced by a test, whose arguments it takes:
# <source folder of ctclip> <folder of the programs> <mpirun>. The test goes on in a scratch folder of its own.
set -euo pipefail
source_dir=$1 bin_dir=$2
# shellcheck disable=SC2034  # used by the tests
mpirun=("$3" --oversubscribe --bind-to none)

scratch=$(mktemp -d)
job=  # the process in the background, if there is one
trap '[[ -z $job ]] || kill -KILL "$job" 2> /dev/null || true; rm -rf "$scratch"' EXIT
cd "$scratch"
export PIPELINE_FOLDER=$scratch PIPELINE_VOCABULARY=$source_dir/tests/data/text/vocab.txt
export OMP_NUM_THREADS=1
config=$source_dir/tests/data/slurm/tiny.yaml

fail() { echo "FAILED: $*"; cat log.txt; exit 1; }

make_shards() {  # <number of studies> [arguments of ctclip-convert]...
    "$bin_dir/ctclip-phantom" --quiet --output phantoms --count "$1" --size 32,32,16 --threads 2 > /dev/null
    "$bin_dir/ctclip-convert" --quiet --config "$config" "${@:2}"
}

# The ranks of the job, an mpirun. Sets ranks.
find_ranks() {  # <number of ranks> <program>
    mapfile -t ranks < <(pgrep -P "$job" -x "$2")
    (( ${#ranks[@]} == $1 )) || fail "found processes ${ranks[*]}"
}

# Waits for the job, whose log is log.txt.
expect_end() {  # <exit code> <text of its log>
    local start=$SECONDS code=0
    wait "$job" || code=$?
    job=
    (( code == $1 )) || fail "exit code $code instead of $1"
    (( SECONDS - start <= 30 )) || fail "took $((SECONDS - start)) s"
    grep -q -- "$2" log.txt || fail "the log does not say '$2'"
    echo "ended with $code within $((SECONDS - start)) s: $(grep -m 1 -- "$2" log.txt)"
}
