# shellcheck shell=bash
# Checks for the tests of this folder. Sourced, not run.
set -euo pipefail

num_checks=0 num_failed=0

check() {  # <what> <found> <expected>
    num_checks=$((num_checks + 1))
    if [[ $2 != "$3" ]]; then
        num_failed=$((num_failed + 1))
        printf 'FAILED: %s\n  found:    %s\n  expected: %s\n' "$1" "$2" "$3" >&2
    fi
}

check_contains() {  # <what> <text> <part>
    num_checks=$((num_checks + 1))
    if [[ $2 != *"$3"* ]]; then
        num_failed=$((num_failed + 1))
        printf 'FAILED: %s\n  %s\n  does not contain: %s\n' "$1" "$2" "$3" >&2
    fi
}

finish() {
    echo "$num_checks checks, $num_failed failed"
    (( num_failed == 0 && num_checks > 0 ))
}

# The last state of a job, once it has ended; at most a minute, or as said.
state_at_end() {  # <job id> [seconds]
    local state='' i
    for ((i = 0; i < ${2:-60} * 5; i++)); do
        state=$(timeout 5 squeue --noheader --states=all --jobs="$1" --format=%T 2> /dev/null || true)
        case $state in
            COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | OUT_OF_MEMORY) break ;;
        esac
        sleep 0.2
    done
    echo "$state"
}

exit_code_of() {  # <job id>
    scontrol show job "$1" | sed -n 's/.*ExitCode=\([0-9]*\):.*/\1/p'
}

wait_for_text() {  # <file> <text>
    local i
    for ((i = 0; i < 300; i++)); do
        ! grep -qs -- "$2" "$1" || return 0
        sleep 0.1
    done
    echo "FAILED: $1 never contained '$2'" >&2
    return 1
}
