# Sourced by start, stop and status: where the local Slurm lives and which processes belong to it.
# shellcheck shell=bash
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Absolute: the daemons change their working folder.
folder=$(realpath -m -- "${1:-$repository/var/slurm}")
export SLURM_CONF=$folder/slurm.conf
daemons=(munged slurmctld n1 n2)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian keeps the daemons

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Prints the process ids of this cluster: daemons, steps and whatever jobs left behind. Each of them has the folder's
# hosts file in the place of /etc/hosts (see start); nothing else has.
members() {
  [[ -e $folder/hosts ]] || return 0
  local mark
  mark=$(stat -c %d:%i -- "$folder/hosts")
  { stat -L -c '%d:%i %n' /proc/[0-9]*/root/etc/hosts 2>/dev/null || true; } |
    awk -v mark="$mark" '$1 == mark { split($2, part, "/"); print part[3] }'
}

# Prints the process id of one of ${daemons[@]}; returns 1 when it does not run.
daemon() {
  local pid command
  for pid in $(members); do
    command=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true)
    case $1 in
      n?) [[ $command == *"slurmd "*"-N $1 "* ]] || continue ;;
      *) [[ ${command%% *} == *"$1" ]] || continue ;;
    esac
    echo "$pid"
    return 0
  done
  return 1
}

# Prints one line a node: name and state, as Slurm sees it; nothing when the controller does not answer.
nodes() { timeout 10 sinfo --noheader --Node --format='%N %T' 2>/dev/null || true; }

# All daemons run, and both nodes take jobs.
is_up() {
  local name
  for name in "${daemons[@]}"; do daemon "$name" >/dev/null || return 1; done
  [[ $(nodes | grep -cE '^n[12] (idle|mixed|allocated|completing)$') == 2 ]]
}

# Ends every process of this cluster: first kindly, after five seconds by force.
end_members() {
  local attempt signal pids
  for attempt in {1..150}; do
    mapfile -t pids < <(members)
    ((${#pids[@]})) || return 0
    signal=TERM
    ((attempt <= 50)) || signal=KILL
    # Kindly once, by force again and again: more may have begun meanwhile.
    ((attempt > 1 && attempt <= 50)) || kill -s "$signal" "${pids[@]}" 2>/dev/null || true
    sleep 0.1
  done
  die "These processes of $folder do not end: ${pids[*]}"
}
