#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%j.out
# NPZ volumes and CSVs -> shards. Every rank owns whole shards; run again, it goes on where it stopped.
#
# usage: bash slurm/convert.sh --config configs/convert_ct_rate.yaml      submits itself with the sizes of slurm/site.conf
#        sbatch OPTIONS slurm/convert.sh ...      with sizes of your own, from the folder of ctclip
# All arguments go to ctclip-convert.
set -euo pipefail

# Slurm runs a copy of this script from its own folder.
ctclip_root=${CTCLIP_ROOT:-${SLURM_SUBMIT_DIR:-$(cd "$(dirname "$0")/.." && pwd)}}
if [[ ! -r $ctclip_root/slurm/common.sh ]]; then
    echo "convert.sh: $ctclip_root is not the folder of ctclip: submit from there, or set CTCLIP_ROOT" >&2
    exit 78
fi
# shellcheck source=slurm/common.sh
source "$ctclip_root/slurm/common.sh"
run_stage convert "$@"
