#!/usr/bin/env bash
#flux: --job-name=recur
#flux: --nodes=2
#flux: --nslots=8
#flux: --cores-per-slot=1
#flux: --time-limit=1h
#
#   launch/flux.sh recipe.yaml runs/first
#
# Hands itself to `flux batch` TRIES times (3): the second job runs only where the first did not end well, and goes on from its newest
# checkpoint, and so on. That is the one place of restarts. Flux starts the ranks; two minutes before the time is up it has all save and
# end with exit code 75. For the same at any time: flux proxy JOB flux job killall --force --signal=SIGUSR1
# PMI is how they find each other (`flux run -o pmi=`): simple for MPICH's ABI, pmix for Open MPI; Flux decides where it is not set.
# Flux has no limit of memory for a job. RECUR names the program where it is not in PATH on the nodes, TASKS the number of ranks where it is
# not one a core, THREADS a rank's threads, FLUX_BATCH further options of flux batch (FLUX_BATCH='--queue=long'); further arguments go to
# `recur train`.
set -uo pipefail
fail() { echo "launch/flux.sh: $*" >&2; exit 64; }
(($# >= 2)) || fail "usage: launch/flux.sh RECIPE OUT [OPTIONS OF recur train]"

if [[ -z ${RECUR_IN_FLUX:-} ]]; then
  tries=${TRIES:-3}
  [[ $tries =~ ^[1-9][0-9]{0,2}$ ]] || fail "TRIES is '$tries', which is no number from 1 to 999"
  export RECUR_IN_FLUX=yes
  read -ra options <<<"${FLUX_BATCH:-}"
  for ((number = 1; number <= tries; number++)); do
    job=$(flux batch ${job:+"--dependency=afternotok:$job"} ${options[@]+"${options[@]}"} "$0" "$@") || exit
    echo "$job"
  done
  exit
fi

threads=${THREADS:-1}
cores=$(flux resource list --states=up -no '{ncores}') || exit
options=(--ntasks="${TASKS:-$((cores / threads))}" --cores-per-task="$threads")
[[ -z ${PMI:-} ]] || options+=(--setopt=pmi="$PMI")
# Without a limit it is 2³² - 1.
left=$(flux job timeleft 2>/dev/null) || left=4294967295
if ((left < 4294967295)); then
  options+=(--time-limit="${left}s" --signal=SIGUSR1@$((left > 240 ? 120 : left / 2))s)
fi
exec flux run "${options[@]}" "${RECUR:-recur}" train "$1" --out "$2" --resume auto --threads "$threads" "${@:3}"
