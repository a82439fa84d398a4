#!/bin/bash
# A precision study with the real programs on a tiny model: trained and judged in two precisions, kept when asked again.
# usage: precision_test.sh <source folder of ctclip> <folder of the programs> <mpirun> <python>
set -e
# shellcheck source=tests/jobs/common.sh
source "$1/tests/jobs/common.sh"
python=$4

make_shards 4
study() {  # <output> <seeds> <validation shards> <bootstrap> [further arguments]
    "$bin_dir/ctclip-bench" precision --config "$config" --with training.max_steps=3 --with data.batch_size=1 \
        --output "$1" --seeds "$2" --valid "$3" --bootstrap "$4" --precisions fp32,bf16 \
        --launcher "${mpirun[*]} -n 2" "${@:5}"
}
study study 1,2 shards 20 > first.json 2> first.log
[[ -s study/precision.html && -s study/precision.json ]]
[[ $(grep -c ': training, see' first.log) == 4 ]]
study study 1,2 shards 20 > second.json 2> second.log
[[ $(grep -c 'done before' second.log) == 4 ]]
cmp first.json second.json

# Judged anew on other shards, without training anew; trained otherwise it would not be the same study.
"$bin_dir/ctclip-convert" --quiet --config "$config" --set convert.samples_per_shard=2 --output other_shards
study study 1 other_shards 20 > other.json 2> other.log
[[ $(grep -c "was done with another 'valid_digest'" other.log) == 2 && $(grep -c evaluating other.log) == 2 ]]
study study 1 other_shards 21 > other.json 2> other.log
[[ $(grep -c "was done with another 'bootstrap'" other.log) == 2 ]]
code=0
study study 2 shards 20 --with training.learning_rate=1e-4 2> refused.log || code=$?
[[ $code == 78 ]] && grep -q "another 'with'" refused.log && grep -q "training.learning_rate" study/seed-2/fp32.log
"$python" - << 'EOF'
import json
study = json.load(open("first.json"))
assert study["schema"] == "ctclip.precision/1" and study["studies"] == 4, study
assert [(run["precision"], run["seed"], run["steps"]) for run in study["runs"]] == [
    ("fp32", 1, 3), ("bf16", 1, 3), ("fp32", 2, 3), ("bf16", 2, 3)], study["runs"]
assert len(study["auroc_change"]["bf16"]["by_seed"]) == 2, study
EOF

for nonsense in '1,1' '1 --with training.mixed_precision=fp32' '1 --with experiment.seed=5' '1 --with run.dir=elsewhere'; do
    read -r seeds with <<< "$nonsense"
    code=0
    # shellcheck disable=SC2086  # two words, or none
    study nonsense "$seeds" shards 20 $with 2> nonsense.log || code=$?
    [[ $code == 64 && ! -e nonsense ]]
done

refused() {  # <exit code> <arguments of study>
    code=0
    study "${@:2}" 2> refused.log || code=$?
    [[ $code == "$1" ]]
}
touch a_file
refused 73 a_file 1 shards 20
refused 64 '' 1 shards 20
config=/none refused 78 nonsense 1 shards 20

code=0
study broken 1,2 shards 20 --with model.clip.dim_latent=0 2> error.log || code=$?
[[ $code == 78 ]] && grep -q 'fp32.log says why' error.log
echo "precision study: trained, judged, kept, and the code of a failed training passed on"
