#!/bin/bash
# The whole pipeline on made-up patients, on one machine without a GPU: phantoms -> shards (2 ranks) -> training
# (2 ranks) -> zero-shot evaluation of phantoms that the training never saw. About 6 minutes on 2 cores after set-up.
#
# usage: bash tools/demo.sh [FOLDER] [KEY=VALUE ...]
#   FOLDER      where everything goes (default runs/demo); the same command again goes on where it stopped
#   KEY=VALUE   further settings of the training, such as training.mixed_precision=bf16
set -euo pipefail
cd "$(dirname "$0")/.."

num_train=4800 num_valid=400

folder=runs/demo
if (( $# > 0 )) && [[ $1 != *=* ]]; then
    folder=$1
    shift
fi
settings=()
for assignment in "$@"; do
    settings+=(--set "$assignment")
done

bash tools/setup.sh
bash tools/build.sh release

if (( EUID == 0 )); then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # Open MPI otherwise refuses root
fi
ranks=(mpirun --oversubscribe --bind-to none -n 2)
bin=build/bin
start=$SECONDS

stage() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - start)); }

# Prints where the parts of a set are; the file with that answer also says that the set is complete.
phantoms() {  # <split> <count>
    local target=$folder/phantoms/$1
    [[ ! -e $target.paths ]] || return 0
    rm -rf "$target"
    "$bin/ctclip-phantom" --output "$target" --split "$1" --count "$2" --seed 2025 --size 64,64,32 --findings 0,3 --severity 3 \
        --contact_sheet "$target.png" > "$target.paths.partial"
    mv "$target.paths.partial" "$target.paths"
}

path_of() { sed -n "s/^$1 *//p" "$folder/phantoms/$2.paths"; }  # <part> <split>

convert() {  # <split>
    "${ranks[@]}" "$bin/ctclip-convert" --volumes "$(path_of volumes "$1")" --reports "$(path_of reports "$1")" \
        --metadata "$(path_of metadata "$1")" --labels "$(path_of labels "$1")" --output "$folder/shards/$1"
}

mkdir -p "$folder/phantoms"
stage "1/4 phantoms: $num_train patients to learn from, $num_valid others to be judged on"
phantoms train "$num_train"
phantoms valid "$num_valid"

stage "2/4 convert: NPZ volumes and CSVs -> float16 shards, 2 ranks"
convert train
convert valid

stage "3/4 train: CT-CLIP in mixed precision, 2 ranks"
"${ranks[@]}" "$bin/ctclip-train" --config configs/demo_train.yaml --set "run.dir=$folder/run" \
    --set "data.webdataset_shards_train=$folder/shards/train" --set "data.webdataset_shards_val=$folder/shards/valid" \
    "${settings[@]}"

stage "4/4 evaluate: which of the 18 findings does an unseen patient have, asked in words"
"${ranks[@]}" "$bin/ctclip-evaluate" --shards "$folder/shards/valid" --checkpoint "$folder/run" \
    --output "$folder/evaluation"

printf '\nDone in %d s. Look at\n  %s\n  %s\n  %s\n' $((SECONDS - start)) \
    "$folder/phantoms/train.png          the patients" \
    "$folder/evaluation/report.html      the result, with the curves of the training" \
    "$folder/evaluation/evaluation.json  the same for programs"
