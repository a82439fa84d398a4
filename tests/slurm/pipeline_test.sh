#!/bin/bash
# slurm/pipeline.sh on a real Slurm with the real programs: phantoms in, an evaluation out.
# usage: throwaway_cluster.sh -- pipeline_test.sh <source folder of ctclip> <folder of the programs>
set -e
source_dir=$1 bin_dir=$2
# shellcheck source=tests/slurm/check.sh
source "$source_dir/tests/slurm/check.sh"

scratch=$(mktemp -d)
say_why() { tail -n 30 "$scratch"/logs/* >&2 || true; }
trap 'code=$?; (( code == 0 )) || say_why; rm -rf "$scratch"' EXIT
cd "$scratch"
export PIPELINE_FOLDER=$scratch PIPELINE_VOCABULARY=$source_dir/tests/data/text/vocab.txt
export CTCLIP_SITE=$scratch/site.conf OMP_NUM_THREADS=1
cat > site.conf << EOF
convert_options=(--ntasks=2 --cpus-per-task=1)
train_options=(--nodes=2 --ntasks-per-node=1 --cpus-per-task=1)
evaluate_options=(--ntasks=2 --cpus-per-task=1)
launcher=(srun --mpi=pmix --kill-on-bad-exit=1 --wait=20)
bin_dir=$bin_dir log_dir=$scratch/logs max_restarts=0
EOF

"$bin_dir/ctclip-phantom" --quiet --output phantoms --count 8 --size 32,32,16 --threads 2 > /dev/null
jobs=$(bash "$source_dir/slurm/pipeline.sh" "$source_dir/tests/data/slurm/tiny.yaml")
while read -r stage job; do
    state=$(state_at_end "$job" 150)
    check "$stage" "$state" COMPLETED
done <<< "$jobs"
check "three stages" "$(cut -d' ' -f1 <<< "$jobs" | paste -sd' ')" "convert train evaluate"
check "two shards" "$(find shards -name 'shard-*.tar' | wc -l)" 2
check "checkpoints of steps 2 and 4" "$(find run/checkpoints -name 'step-*.h5' -printf '%f\n' | sort | paste -sd' ')" \
    "step-00000002.h5 step-00000004.h5"
check_contains "the evaluation has a macro AUROC" "$(tr -d ' \n' < evaluation/evaluation.json)" '"auroc"'
check "a row of scores for each study" "$(grep -c '^valid_' evaluation/scores.csv)" 8
finish
