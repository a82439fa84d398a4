#!/bin/bash
# When a stopped stage goes back into the queue, and which programs a job starts, without a cluster: scontrol and the
# programs are stand-ins.
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
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What requeue says for the environment given as assignments.
requeue_with() { (eval "$*"; requeue 2>&1) || echo "exit $?"; }

settings="SLURM_JOB_ID=7 max_restarts=5 min_life_s=60 log_dir=$scratch/logs is_asked=yes"

check_contains "a first stop is requeued" "$(requeue_with "$settings SECONDS=100")" "scontrol requeue 7"
check_contains "an array task alone, not its array" \
    "$(requeue_with "$settings SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=3")" "scontrol requeue 6_3"
check_contains "short lives are tried again" "$(requeue_with "$settings SLURM_RESTART_COUNT=2 SECONDS=1")" "scontrol"
check_contains "but not for ever" "$(requeue_with "$settings SLURM_RESTART_COUNT=3 SECONDS=1")" "this life lasted 1 s only"
check_contains "long lives go on" "$(requeue_with "$settings SLURM_RESTART_COUNT=4 SECONDS=61")" "scontrol requeue 7"
check_contains "up to the limit" "$(requeue_with "$settings SLURM_RESTART_COUNT=5 SECONDS=61")" "max_restarts"
check_contains "the code is always 75" "$(requeue_with "$settings")" "exit 75"

unasked="$settings is_asked=no max_unasked_stops=3 SECONDS=100"
for life in 1 2; do
    check_contains "a stop that nobody asked for is requeued (life $life)" "$(requeue_with "$unasked")" "scontrol requeue 7"
done
check_contains "but not for ever" "$(requeue_with "$unasked")" "3 lives in a row stopped without having been asked"
check_contains "other jobs have counts of their own" "$(requeue_with "$unasked SLURM_JOB_ID=8")" "scontrol requeue 8"
check_contains "one that was asked starts the count again" "$(requeue_with "$settings SECONDS=100")" "scontrol requeue 7"
check_contains "one that was asked starts the count again" "$(requeue_with "$unasked")" "scontrol requeue 7"

# Which programs a job starts, and whether they can use what it holds.
mkdir -p "$scratch"/{build,build-cuda}/bin
site_bin_dir() { (ctclip_root=$scratch; source "$1/slurm/site.conf"; echo "${bin_dir#"$scratch"/}"); }
check "the CPU build where there is no other" "$(site_bin_dir "$1")" build/bin
printf '#!/bin/bash\necho CUDA 13.0\n' > "$scratch/build-cuda/bin/ctclip-train"
chmod +x "$scratch/build-cuda/bin/ctclip-train"
check "the build for GPUs where there is one" "$(site_bin_dir "$1")" build-cuda/bin
printf '#!/bin/bash\necho LibTorch 2.11\n' > "$scratch/build/bin/ctclip-train"
chmod +x "$scratch/build/bin/ctclip-train"
export CTCLIP_SITE=$scratch/site.conf
warnings_with() { (SLURM_JOB_GPUS=$1; warn_of_idle_gpus "$scratch/$2/bin/ctclip-train" 2>&1); }
check_contains "idle GPUs are warned of" "$(warnings_with 0,1 build)" "built without CUDA"
check "not where they are used" "$(warnings_with 0,1 build-cuda)" ""
check "nor where there are none" "$(warnings_with '' build)" ""
finish
