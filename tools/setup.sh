#!/bin/bash
# Installs what building, testing and running ctclip need on Debian 12: packages (as root or through sudo), LibTorch
# (no administrator rights needed) and a Python environment in which tests read our files the way others would.
# Quick when everything is there.
#
# usage: bash tools/setup.sh [--cuda]
#   --cuda           also the complete LibTorch with CUDA (5 GB), for the preset `cuda`
# CTCLIP_DEPS_DIR    folder of LibTorch and the Python environment (default: ~/.cache/ctclip)
set -euo pipefail

deps_dir=${CTCLIP_DEPS_DIR:-$HOME/.cache/ctclip}
torch_version=2.11.0
exit_usage=64 exit_unavailable=69

packages=(
    build-essential cmake ninja-build pkg-config ccache git
    libopenmpi-dev openmpi-bin libhdf5-dev hdf5-tools libarchive-dev
    libboost-program-options-dev libyaml-cpp-dev libspdlog-dev libfmt-dev nlohmann-json3-dev
    libdeflate-dev libisal-dev liburing-dev libjemalloc-dev libssl-dev zlib1g-dev libpng-dev libhwy-dev
    libgtest-dev libgmock-dev
    fsverity slurm-wlm munge iproute2 shellcheck python3 python3-venv
)

say() { printf 'setup: %s\n' "$*" >&2; }
stop() { say "$2"; exit "$1"; }

install_packages() {
    command -v dpkg-query > /dev/null || {
        say "this is no Debian: install the equivalents of: ${packages[*]}"
        return
    }
    local package state missing=()
    declare -A is_installed=()
    while read -r package state; do
        [[ $state == "install ok installed" ]] && is_installed[${package%%:*}]=1
    done < <(dpkg-query -W -f '${Package} ${Status}\n' "${packages[@]}" 2> /dev/null || true)
    for package in "${packages[@]}"; do
        [[ -n ${is_installed[$package]:-} ]] || missing+=("$package")
    done
    (( ${#missing[@]} > 0 )) || return 0

    local as_root=()
    if (( EUID != 0 )); then
        # Without a terminal sudo cannot ask for a password.
        if command -v sudo > /dev/null && { sudo -n true 2> /dev/null || [[ -t 0 ]]; }; then
            as_root=(sudo)
        else
            stop $exit_unavailable "these packages are missing: ${missing[*]}
Ask an administrator to run:
    apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
        fi
    fi
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" > /dev/null
}

# What other people's programs use to read shards and checkpoints.
install_python_peers() {
    local target=$deps_dir/python-peers-2
    [[ ! -e $target/installed ]] || return 0
    say "creating the Python environment of the tests in $target"
    # Virtual environments hold absolute paths, so this one is made in place and marked when complete.
    rm -rf "$target"
    mkdir -p "$deps_dir"
    python3 -m venv "$target"
    "$target/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
        numpy==2.2.6 h5py==3.12.1 pyyaml==6.0.2
    "$target/bin/python" -m pip install --quiet --disable-pip-version-check webdataset==1.0.2 tensorboard==2.20.0
    touch "$target/installed"
}

# Folders of wheels are made under another name and renamed when complete: whole or absent, even after an interruption.
staging=
trap '[[ -z $staging ]] || rm -rf "$staging"' EXIT

install_wheels() {  # <folder> <pip arguments>...
    # manylinux2014 is an older name of manylinux_2_17 that some wheels still carry.
    local target=$1 minor platforms=(--platform "manylinux2014_$(uname -m)")
    shift
    [[ ! -e $target ]] || return 0
    say "installing LibTorch $torch_version into $target"
    # The wheel is built for CPython 3.11; its C++ libraries need no Python, so any python3 may fetch it.
    for minor in {17..28}; do
        platforms+=(--platform "manylinux_2_${minor}_$(uname -m)")
    done
    staging=$(mktemp -d "$deps_dir/.partial.XXXXXX")
    "$deps_dir/python-peers-2/bin/python" -m pip install --quiet --disable-pip-version-check --target "$staging" \
        --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
        "${platforms[@]}" "$@"
    chmod 755 "$staging"
    if [[ ! -e $target ]]; then  # another set-up may have been faster
        mv -T "$staging" "$target"
    fi
}

main() {
    local with_cuda=no
    case ${1:-} in
        '') ;;
        --cuda) with_cuda=yes ;;
        *) stop $exit_usage "unknown argument $1 (only --cuda is known)" ;;
    esac
    install_packages
    install_python_peers
    # libtorch_cpu finds the CUDA runtime beside it; nothing else of the 5 GB is needed without a GPU.
    install_wheels "$deps_dir/libtorch-$torch_version-cpu" --no-deps \
        "torch==$torch_version" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
    if [[ $with_cuda == yes ]]; then
        install_wheels "$deps_dir/libtorch-$torch_version-cuda" "torch==$torch_version"
    fi
}

main "$@"
