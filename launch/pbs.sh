#!/usr/bin/env bash
#PBS -N recur
#PBS -S /bin/bash
#PBS -l select=2:ncpus=4:mpiprocs=4:mem=8gb
#PBS -l place=scatter
#PBS -l walltime=01:00:00
#PBS -j oe
#PBS -r y
#
#   launch/pbs.sh recipe.yaml runs/first
#
# Hands itself to qsub (PBS Professional, OpenPBS) TRIES times (3): the second job runs only where the first did not end well, and goes on
# from its newest checkpoint, and so on. That is the one place of restarts: qrerun is for operators, and many sites let no node call qsub.
# Two minutes before the walltime is up all ranks save and end with exit code 75; `qsig -s SIGUSR1 JOB` asks for the same.
# RECUR names the program where it is not in PATH on the nodes, THREADS a rank's threads, QSUB further options of qsub (QSUB='-q long');
# further arguments go to `recur train`.
set -uo pipefail
fail() { echo "launch/pbs.sh: $*" >&2; exit 64; }

if [[ -z ${PBS_JOBID:-} || -z ${RECUR_WORDS:-} ]]; then
  (($# >= 2)) || fail "usage: launch/pbs.sh RECIPE OUT [OPTIONS OF recur train]"
  tries=${TRIES:-3}
  [[ $tries =~ ^[1-9][0-9]{0,2}$ ]] || fail "TRIES is '$tries', which is no number from 1 to 999"
  # A job gets variables only: a shell reads these words back as they are.
  printf -v RECUR_WORDS '%q ' "$@"
  export RECUR_WORDS
  names=RECUR_WORDS
  for name in RECUR THREADS; do [[ -z ${!name:-} ]] || names+=,$name; done
  read -ra options <<<"${QSUB:-}"
  for ((number = 1; number <= tries; number++)); do
    job=$(qsub -v "$names" ${job:+-W "depend=afternotok:$job"} ${options[@]+"${options[@]}"} "$0") || exit
    echo "$job"
  done
  exit
fi

eval "set -- $RECUR_WORDS"
cd "$PBS_O_WORKDIR" || exit
# A line for each rank, as PBS has it, becomes one for each machine.
hosts=$(mktemp) || exit
awk '!count[$1]++ {names[++n] = $1} END {for (i = 1; i <= n; i++) print names[i] " slots=" count[names[i]]}' "$PBS_NODEFILE" >"$hosts"
# PBS' own way to the other machines, where it is there: what it starts is counted and ended with the job.
agent=()
if command -v pbs_tmrsh >/dev/null; then agent=(--agent pbs_tmrsh); fi
# PBS gives no signal before the time is up. 0 is no limit.
left=0
limit=$(qstat -f "$PBS_JOBID" 2>/dev/null | sed -n 's/^ *Resource_List\.walltime = //p')
if [[ $limit =~ ^([0-9]+):([0-9]{2}):([0-9]{2})$ ]]; then
  left=$((10#${BASH_REMATCH[1]} * 3600 + 10#${BASH_REMATCH[2]} * 60 + 10#${BASH_REMATCH[3]}))
  left=$((left > 240 ? left - 120 : (left + 1) / 2))
fi

timeout --foreground --preserve-status --signal=USR1 "$left" \
  "${RECUR:-recur}" launch --hostfile "$hosts" ${agent[@]+"${agent[@]}"} \
  -- train "$1" --out "$2" --resume auto --threads "${THREADS:-1}" "${@:3}" &
job=$!
trap 'kill -USR1 "$job"' USR1
while true; do
  wait "$job"
  code=$?
  kill -0 "$job" 2>/dev/null || break # else it was the trap that ended the waiting
done
rm -f "$hosts"
exit "$code"
