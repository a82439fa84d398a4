#!/bin/bash
# When a stopped stage goes back into the queue, without a cluster: scontrol is a stand-in.
# usage: requeue_test.sh <source folder of ctclip>
set -e
# shellcheck source=tests/slurm/check.sh
source "$1/tests/slurm/check.sh"
# shellcheck source=slurm/common.sh
source "$1/slurm/common.sh"

# shellcheck disable=SC2317  # called by requeue
scontrol() { echo "scontrol $*"; }
# shellcheck disable=SC2317
sleep() { :; }

# What requeue says for the environment given as assignments.
requeue_with() { (eval "$*"; requeue 2>&1) || echo "exit $?"; }

settings='SLURM_JOB_ID=7 max_restarts=5 min_life_s=60'

check_contains "a first stop is requeued" "$(requeue_with "$settings SECONDS=100")" "scontrol requeue 7"
check_contains "an array task alone, not its array" \
    "$(requeue_with "$settings SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=3")" "scontrol requeue 6_3"
check_contains "short lives are tried again" "$(requeue_with "$settings SLURM_RESTART_COUNT=2 SECONDS=1")" "scontrol"
check_contains "but not for ever" "$(requeue_with "$settings SLURM_RESTART_COUNT=3 SECONDS=1")" "this life lasted 1 s only"
check_contains "long lives go on" "$(requeue_with "$settings SLURM_RESTART_COUNT=4 SECONDS=61")" "scontrol requeue 7"
check_contains "up to the limit" "$(requeue_with "$settings SLURM_RESTART_COUNT=5 SECONDS=61")" "max_restarts"
check_contains "the code is always 75" "$(requeue_with "$settings")" "exit 75"
finish
