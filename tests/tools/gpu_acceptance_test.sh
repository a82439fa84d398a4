#!/bin/bash
# tools/gpu_acceptance.sh on a machine whose GPUs and programs are played by stand-ins: what it runs, what its report
# holds, and that a failure fails it without costing the rest of the report.
# usage: gpu_acceptance_test.sh <source folder of ctclip>
# shellcheck disable=SC2016  # what stands in single quotes is expanded by the stand-ins
set -euo pipefail
source_dir=$1
# shellcheck source=tests/slurm/check.sh
source "$source_dir/tests/slurm/check.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CALLS=$scratch/calls
mkdir -p "$scratch"/{path,tree/tools,tree/build-cuda/bin,tree/build-cuda/tests}

stand_in() {  # <file> <script>
    printf '#!/bin/bash\necho "${0##*/} $*" >> "$CALLS"\n%s\n' "$2" > "$scratch/$1"
    chmod 755 "$scratch/$1"
}
cp "$source_dir/tools/gpu_acceptance.sh" "$scratch/tree/tools"
stand_in tree/tools/setup.sh ''
stand_in tree/tools/build.sh ''
stand_in tree/build-cuda/tests/model_test 'printf "[       OK ] a_cuda\n[       OK ] b_cuda\n"'
stand_in tree/build-cuda/bin/ctclip-phantom 'echo "volumes phantoms/valid"'
stand_in tree/build-cuda/bin/ctclip-convert ''
stand_in tree/build-cuda/bin/ctclip-train '[[ $* != *max_seconds=* ]] || exit 75'
stand_in tree/build-cuda/bin/ctclip-ckpt 'echo equal'
stand_in_bench() {  # <arguments that fail, a pattern> <what it says then>
    stand_in tree/build-cuda/bin/ctclip-bench "[[ \$* != $1 ]] || { echo '$2' >&2; exit 75; }
        echo '{\"step_s_median\": 0.25, \"precision\": \"made up\"}'"
}
stand_in_bench '*fp32*--batch\ 32' 'out of memory: of the GPU'
stand_in path/ctest 'echo "100% tests passed"'
stand_in path/mpirun 'shift 4; exec "$@"'
stand_in path/nvidia-smi '
case $1 in
    -L) printf "GPU 0: A\nGPU 1: A\n" ;;
    *name\ --format*) printf "NVIDIA A 80GB\nNVIDIA A 80GB\n" ;;
    *=name) printf "NVIDIA A 80GB\nNVIDIA A 80GB\n" ;;
    *) echo "NVIDIA A 80GB, 580.0" ;;
esac'

accept() {
    local code=0
    : > "$CALLS"
    PATH=$scratch/path:$PATH bash "$scratch/tree/tools/gpu_acceptance.sh" > "$scratch/log" 2>&1 || code=$?
    echo "$code"
}
report=$scratch/tree/docs/gpu_nvidia_a_80gb.md
calls_of() { grep -c "^$1" "$CALLS" || true; }
says() { grep -qF -- "$1" "$report" && echo yes || echo no; }

check "it passes where all pass" "$(accept)" 0
check "tests of the CPU see no GPU, those of the GPU do" "$(grep '^ctest' "$CALLS" | sed 's/ --parallel.*//' | paste -sd,)" \
    "ctest --preset cuda,ctest --preset gpu"
check "a run, its half, its other half" "$(calls_of ctclip-train)" 3
check "a step in every precision and batch" "$(calls_of 'ctclip-bench train --cuda --size full')" 9
check "loading on the GPU" "$(calls_of 'ctclip-bench loader --gpu')" 1
check "NCCL between all GPUs" "$(calls_of 'mpirun --bind-to none -n 2')" 1
check "golden parity is counted" "$(says '2 golden cases')" yes
check "what does not fit the memory is said" "$(says '(failed: fp32, batch 32)')" yes
check "what does is in a table" "$(grep -c '^| made up | .* | 0.25 |' "$report")" 8
check "all is well" "$(says '## Tests: passed; benchmarks: passed')" yes

stand_in_bench '*fp32*--batch\ 32' 'out of order'
check "it fails where a step fails for another reason" "$(accept)" 1
check "which is no failure of the tests" "$(says '## Tests: passed; benchmarks: FAILED')" yes
check "and still measures the rest" "$(calls_of 'ctclip-bench train --cuda --size full')" 9
stand_in_bench '*bf16*--batch\ 1' 'out of memory: of the GPU'
check "it fails where one sample does not fit the memory" "$(accept)" 1
stand_in_bench 'loader*' '{"input_type": "to'
check "it fails where a benchmark dies" "$(accept)" 1
check "a torn record is shown as it is" "$(says '    {"input_type": "to')$(says '## Gradients averaged')" yesyes
stand_in_bench 'nothing' ''

stand_in path/ctest '[[ $* != *gpu ]] || { echo "50% tests passed"; exit 8; }'
check "it fails where a test of the GPU fails" "$(accept)" 1
check "the report says so" "$(says '## Tests: FAILED; benchmarks: passed')$(says '50% tests passed')" yesyes
check "and still measures" "$(calls_of 'ctclip-bench train --cuda --size full')" 9

stand_in path/ctest ''
stand_in tree/build-cuda/tests/model_test ''
check "it fails where golden parity did not run" "$(accept)" 1

stand_in tree/build-cuda/tests/model_test 'echo "[       OK ] a_cuda"'
stand_in tree/build-cuda/bin/ctclip-train ''
check "it fails where a run that should stop does not" "$(accept)$(calls_of ctclip-ckpt)" 10
stand_in path/nvidia-smi 'exit 9'
check "without a GPU it says so and measures nothing" "$(accept)$(calls_of ctclip-bench)" 690
finish
