# shellcheck shell=bash
# What the stages share: site settings, submission, start of the program, signals, requeue. Sourced, not run.
set -euo pipefail

say() { printf '%s %s: %s\n' "$(date '+%F %T')" "${SLURM_JOB_NAME:-slurm}" "$*" >&2; }
stop() { say "$2"; exit "$1"; }

# What site.conf sets. (submit() reads the options by name.)
# shellcheck disable=SC2034
convert_options=() train_options=() evaluate_options=() launcher=()
bin_dir='' log_dir='' max_restarts=0 min_life_s=0 max_unasked_stops=5
site_environment() { :; }

load_site() {
    local site=${CTCLIP_SITE:-$ctclip_root/slurm/site.conf}
    [[ -r $site ]] || stop 78 "the site file $site cannot be read (CTCLIP_SITE)"
    # shellcheck source=slurm/site.conf
    source "$site"
    export CTCLIP_ROOT=$ctclip_root CTCLIP_SITE=$site
}

# submit <stage> <sbatch options>... -- <arguments of the stage>...: prints the job id.
submit() {
    local stage=$1 options=()
    shift
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    shift
    local -n size=${stage}_options
    # Slurm opens the log before the script runs: with a missing folder the job fails without a word.
    mkdir -p "$log_dir"
    sbatch --parsable --job-name="ctclip-$stage" --output="$log_dir/%x-%j.out" "${size[@]}" "${options[@]}" \
        "$ctclip_root/slurm/$stage.sh" "$@" | cut -d';' -f1
}

child='' has_term=no is_asked=no

forward_signal() {
    say "got $1, asking the program to save and stop"
    is_asked=yes
    [[ $1 != TERM ]] || has_term=yes
    # USR1 also for TERM: srun passes it on to the ranks, while on TERM it would kill them.
    [[ -z $child ]] || kill -USR1 "$child" 2> /dev/null || true
}

# Starts the program in the background: a shell that waits for a foreground child runs no trap until it is too late.
run_and_forward_signals() {
    local signal code=0
    for signal in USR1 USR2 TERM; do
        # shellcheck disable=SC2064  # the name of this signal
        trap "forward_signal $signal" $signal
    done
    "$@" &
    child=$!
    while true; do
        code=0
        wait "$child" || code=$?
        kill -0 "$child" 2> /dev/null || break  # otherwise a trap interrupted the wait
    done
    child=''
    trap - USR1 USR2 TERM
    return "$code"
}

# Prints how many lives of this job in a row, this one included, ended with nobody having asked them to stop. The count is
# kept beside the logs: every life is a new shell. Where it cannot be kept, max_restarts alone is the limit.
count_unasked_stops() {
    local file=${log_dir:-.}/.unasked-stops-$SLURM_JOB_ID${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID} count=0
    if [[ $is_asked == no ]]; then
        [[ ! -r $file ]] || read -r count < "$file"
        count=$((count + 1))
        { mkdir -p "${file%/*}" && echo "$count" > "$file"; } || true
    else
        rm -f "$file"
    fi
    echo "$count"
}

# Puts this job back into the queue, unless that would go round in circles.
requeue() {
    local restarts=${SLURM_RESTART_COUNT:-0} job=$SLURM_JOB_ID unasked
    unasked=$(count_unasked_stops)
    if (( restarts >= max_restarts )); then
        say "stopped; not put back into the queue: $restarts restarts are the limit (max_restarts)"
    elif (( unasked >= max_unasked_stops )); then
        say "stopped; not put back into the queue: $unasked lives in a row stopped without having been asked (max_unasked_stops); the error above says why"
    elif (( restarts >= 3 && SECONDS < min_life_s )); then
        say "stopped; not put back into the queue: this life lasted ${SECONDS} s only, the next would not do better"
    else
        # In an array the plain id means the whole array.
        [[ -z ${SLURM_ARRAY_JOB_ID:-} ]] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
        say "stopped with its state saved; back into the queue (restart $((restarts + 1)))"
        if scontrol requeue "$job"; then
            sleep 300  # Slurm ends this life; an exit now would count as the end of the job
        fi
        say "Slurm did not take the job back: submit the same command again"
    fi
    exit 75
}

# GPUs that a job holds and its program cannot use are paid for and idle.
warn_of_idle_gpus() {  # <program>
    if [[ -n ${SLURM_JOB_GPUS:-}${SLURM_GPUS_ON_NODE:-} && $("$1" --version) != *CUDA* ]]; then
        say "WARNING: this job holds GPUs, but $1 was built without CUDA: they stay idle, and the CPU does the work. Build with \`bash tools/setup.sh --cuda && bash tools/build.sh cuda\`, or ask for no GPUs, in $CTCLIP_SITE"
    fi
}

# run_stage <stage> <arguments>...: the whole life of a stage script. Outside a job it submits itself.
run_stage() {
    local stage=$1
    shift
    load_site
    if [[ -z ${SLURM_JOB_ID:-} ]]; then
        submit "$stage" -- "$@"
        return
    fi
    run_in_job "$bin_dir/ctclip-$stage" "${launcher[@]}" "$bin_dir/ctclip-$stage" "$@"
}

# run_in_job <program> <command>...: runs the command, which starts the program, and puts the job back into the queue
# when it stopped with its state saved.
run_in_job() {
    local program=$1 code=0
    shift
    [[ -x $program ]] || stop 69 "$program is not there: build first (bash tools/build.sh), or set bin_dir in $CTCLIP_SITE"
    site_environment
    # Since Slurm 22.05 srun no longer takes --cpus-per-task from the job.
    [[ -z ${SLURM_CPUS_PER_TASK:-} ]] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
    say "job $SLURM_JOB_ID, restart ${SLURM_RESTART_COUNT:-0}, ${SLURM_NTASKS:-1} tasks on ${SLURM_JOB_NODELIST:-$(hostname)}"
    say "$*"
    warn_of_idle_gpus "$program"
    run_and_forward_signals "$@" || code=$?
    say "ended with exit code $code after $SECONDS s"
    # After TERM the job is being cancelled or preempted; Slurm itself requeues what it preempts.
    if (( code == 75 )) && [[ $has_term == no ]]; then
        requeue
    fi
    exit "$code"
}
