#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages of the named groups that are missing; without root or sudo it prints
# the one line to type. Usage: .ci/system_packages.sh build|mpi|test|wheel|cluster ...
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build git python3-venv python3-dev libtbb-dev libeigen3-dev libhdf5-dev
           nlohmann-json3-dev zlib1g-dev libdeflate-dev libzstd-dev liblz4-dev"
  [mpi]="libopenmpi-dev openmpi-bin"
  [test]="libgtest-dev universal-ctags"
  [wheel]="debootstrap"
  [cluster]="slurmd slurmctld slurm-client munge openmpi-bin"
)

packages=()
for group in "$@"; do
  read -r -d '' -a names <<<"${groups[$group]}" || true # read returns 1 at the end of a here-string
  packages+=("${names[@]}")
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  missing_tools=()
  for tool in g++ cmake ninja git ctags; do
    command -v "$tool" >/dev/null || missing_tools+=("$tool")
  done
  if ((${#missing_tools[@]})); then
    echo "This system has no apt. Please install ${missing_tools[*]} and what your system calls these Debian packages:"
    echo "  ${packages[*]}"
    exit 1
  fi
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | sort -u || true)
  [[ $status == *installed* && $status != not-installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if ((EUID == 0)); then
  runner=(env DEBIAN_FRONTEND=noninteractive)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  runner=(sudo env DEBIAN_FRONTEND=noninteractive)
else
  echo "System packages are missing and this user may not install them. Please type:"
  echo "  sudo apt-get update && sudo ${install[*]}"
  exit 1
fi

echo "== System packages: ${missing[*]}"
# One unreachable third-party source must not stop us: a package that cannot be had fails the install below.
"${runner[@]}" apt-get update -qq || echo "apt-get update reported a problem; going on with the lists at hand"
"${runner[@]}" "${install[@]}" >/dev/null
