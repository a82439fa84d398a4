#!/bin/bash
# Submits the whole chain: convert -> train -> evaluate. A stage starts when the one before it has ended with code 0;
# when a stage fails, those behind it are cancelled, not left waiting for ever.
#
# usage: bash slurm/pipeline.sh --convert CONFIG [--convert CONFIG ...] --train CONFIG --evaluate CONFIG
#        bash slurm/pipeline.sh CONFIG       one file with the sections of all three
# Several conversions (training set, validation set) run side by side. Prints one line a job: stage and job id.
set -euo pipefail

ctclip_root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=slurm/common.sh
source "$ctclip_root/slurm/common.sh"

usage() { sed -n '/^# usage/,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 64; }

convert_configs=() train_config='' evaluate_config=''
if (( $# == 1 )) && [[ $1 != -* ]]; then
    convert_configs=("$1") train_config=$1 evaluate_config=$1
else
    while (( $# >= 2 )); do
        case $1 in
            --convert) convert_configs+=("$2") ;;
            --train) train_config=$2 ;;
            --evaluate) evaluate_config=$2 ;;
            *) usage ;;
        esac
        shift 2
    done
    (( $# == 0 )) || usage
fi
if (( ${#convert_configs[@]} == 0 )) || [[ -z $train_config || -z $evaluate_config ]]; then
    usage
fi
for config in "${convert_configs[@]}" "$train_config" "$evaluate_config"; do
    [[ -r $config ]] || stop 78 "the configuration $config cannot be read"
done

load_site
submitted=()
# A chain that could not be submitted completely is taken back.
trap 'code=$?; (( code == 0 || ${#submitted[@]} == 0 )) || scancel "${submitted[@]}"' EXIT

chain() {  # <stage> <config> [job ids to wait for]...
    local stage=$1 config=$2 after=() job
    shift 2
    if (( $# > 0 )); then
        after=("--dependency=afterok$(printf ':%s' "$@")" --kill-on-invalid-dep=yes)
    fi
    job=$(submit "$stage" "${after[@]}" -- --config "$config")
    submitted+=("$job")
    echo "$stage $job"
}

for config in "${convert_configs[@]}"; do
    chain convert "$config"
done
chain train "$train_config" "${submitted[@]}"
chain evaluate "$evaluate_config" "${submitted[-1]}"
