#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%j.out
# The same trainings in fp32, bf16 and fp16 from several seeds, judged on the same studies: precision.json and
# precision.html. Finished trainings are kept; near the time limit the one under way saves, and the job goes back into the
# queue.
#
# usage: bash slurm/precision_study.sh --config configs/base_config.yaml --valid shards/valid --output runs/precision
#        sbatch OPTIONS slurm/precision_study.sh ...      with sizes of your own, from the folder of ctclip
# All arguments go to ctclip-bench precision; the sizes are those of training in slurm/site.conf.
set -euo pipefail

# Slurm runs a copy of this script from its own folder.
ctclip_root=${CTCLIP_ROOT:-${SLURM_SUBMIT_DIR:-$(cd "$(dirname "$0")/.." && pwd)}}
if [[ ! -r $ctclip_root/slurm/common.sh ]]; then
    echo "precision_study.sh: $ctclip_root is not the folder of ctclip: submit from there, or set CTCLIP_ROOT" >&2
    exit 78
fi
# shellcheck source=slurm/common.sh
source "$ctclip_root/slurm/common.sh"
load_site
if [[ -z ${SLURM_JOB_ID:-} ]]; then
    # shellcheck disable=SC2034  # submit() reads the options by name
    precision_study_options=("${train_options[@]}")
    submit precision_study -- "$@"
else
    run_in_job "$bin_dir/ctclip-bench" "$bin_dir/ctclip-bench" precision --launcher "${launcher[*]}" "$@"
fi
