#!/bin/bash
# tools/setup.sh on machines that lack something, played by stand-ins for dpkg-query, sudo and apt-get.
# usage: setup_test.sh <source folder of ctclip>
# shellcheck disable=SC2016  # what stands in single quotes is expanded by the stand-ins
set -euo pipefail
source_dir=$1
# shellcheck source=tests/slurm/check.sh
source "$source_dir/tests/slurm/check.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"

stand_in() {  # <name> <script>
    printf '#!/bin/bash\n%s\n' "$2" > "$scratch/$1"
    chmod 755 "$scratch/$1"
}

# Everything is there but shellcheck. (As dpkg-query: a package that was never known is missing in the answer.)
stand_in dpkg-query 'for package in "${@:3}"; do [[ $package == shellcheck ]] || echo "$package install ok installed"; done; exit 1'
stand_in sudo 'exit 1'
stand_in apt-get 'echo "apt-get $*" >&2'

# As nobody where the test runs as root.
as_user=()
if (( EUID == 0 )); then
    as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
mkdir -p "$scratch/deps/python-peers-2" "$scratch/deps/libtorch-2.11.0-cpu"
touch "$scratch/deps/python-peers-2/installed"

set_up() {  # <command prefix>...
    "$@" env HOME="$scratch" PATH="$scratch:$PATH" CTCLIP_DEPS_DIR="$scratch/deps" \
        bash < "$source_dir/tools/setup.sh" 2>&1
}

code=0
text=$(set_up "${as_user[@]}" < /dev/null) || code=$?
check "without root or sudo: a service is missing" "$code" 69
check_contains "says what is missing" "$text" "these packages are missing: shellcheck"
check_contains "and the command" "$text" "apt-get install -y --no-install-recommends shellcheck"

stand_in sudo '[[ $1 == -n ]] || "$@"'
text=$(set_up "${as_user[@]}" < /dev/null)
check_contains "through sudo only what is missing is installed" "$text" "installing 1 Debian packages: shellcheck"

stand_in dpkg-query 'for package in "${@:3}"; do echo "$package install ok installed"; done'
start=$(date +%s%N)
check "silent when everything is there" "$(set_up "${as_user[@]}")" ""
check "and quick" "$(( ($(date +%s%N) - start) / 1000000000 ))" 0
finish
