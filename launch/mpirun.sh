#!/usr/bin/env bash
# Trains on several ranks of this machine, or of the machines in a hostfile, with mpirun alone.
#
#   launch/mpirun.sh 4 train recipe.yaml --out runs/first
#   HOSTFILE=cluster/hostfile.example NETWORK=10.0.0.0/24 launch/mpirun.sh 8 train recipe.yaml --out runs/first
#
# `recur launch` does the same, chooses threads and binding, and restarts a job that failed.
set -euo pipefail
(($# >= 2)) || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 64; }
ranks=$1
shift
[[ $ranks =~ ^[1-9][0-9]{0,6}$ ]] || { echo "launch/mpirun.sh: '$ranks' is no number of ranks" >&2; exit 64; }
# mpirun hands names on to ssh: none may be an option, or hold what a shell acts on.
if [[ -n ${HOSTFILE:-} ]] && grep -nvE '^[[:blank:]]*(#|[A-Za-z0-9_:][A-Za-z0-9._@:-]*([[:blank:]#]|\r?$)|\r?$)' "$HOSTFILE" >&2; then
  echo "launch/mpirun.sh: $HOSTFILE: such a line can't begin with the name of a machine" >&2
  exit 65
fi
if [[ -n ${NETWORK:-} && ! $NETWORK =~ ^[A-Za-z0-9][A-Za-z0-9._:@/,-]*$ ]]; then
  echo "launch/mpirun.sh: NETWORK is neither a device nor an address range: $NETWORK" >&2
  exit 64
fi
recur=${RECUR:-$(command -v recur || echo "$(dirname "${BASH_SOURCE[0]}")/../.build/release/recur")}

options=(-n "$ranks")
((EUID != 0)) || options+=(--allow-run-as-root)
if [[ -n ${HOSTFILE:-} ]]; then
  options+=(--hostfile "$HOSTFILE" --mca mpi_yield_when_idle 1)
elif ((ranks > $(nproc))); then
  options+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
fi
if [[ -n ${NETWORK:-} ]]; then
  options+=(--mca pml ob1 --mca btl tcp,vader,self --mca btl_tcp_if_include "$NETWORK" --mca oob_tcp_if_include "$NETWORK")
fi
set -x
exec mpirun "${options[@]}" "$recur" "$@"
