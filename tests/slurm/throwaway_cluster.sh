#!/bin/bash
# Runs a command inside a real Slurm cluster that exists for this command only: slurmctld and one slurmd a node, all on
# this host, in namespaces of their own where the system allows it, so that nothing survives and several can run side
# by side. Without namespaces ("bare") ports are drawn by chance and the daemons are ended by their process ids.
#
# usage: throwaway_cluster.sh [-n nodes] [-c cpus] [-b] -- COMMAND...     exit code: COMMAND's; 99: no cluster came up
#   -b  bare: no namespaces
set -uo pipefail

num_nodes=2 num_cpus=2 is_bare=no arguments=("$@")
while getopts n:c:b option; do
    case $option in
        n) num_nodes=$OPTARG ;;
        c) num_cpus=$OPTARG ;;
        b) is_bare=yes ;;
        *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))
last_node=$((num_nodes - 1))

fail() { printf 'throwaway_cluster: %s\n' "$*" >&2; exit 99; }

is_any_port_in_use() {  # <first> <number of ports>
    local port
    for ((port = $1; port < $1 + $2; port++)); do
        ! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null || return 0
    done
    return 1
}

for daemon in slurmctld slurmd; do
    command -v "$daemon" > /dev/null || PATH=$PATH:/usr/sbin
    command -v "$daemon" > /dev/null || fail "$daemon is not installed (bash tools/setup.sh)"
done

if [[ -z ${CTCLIP_CLUSTER_NAMESPACE:-} && $is_bare == no ]]; then
    # --kill-child: whatever happens to this script, its daemons and jobs end with it.
    namespaces=(--mount --uts --ipc --pid --net --fork --mount-proc --kill-child)
    (( EUID == 0 )) || namespaces+=(--user --map-current-user --keep-caps)
    if unshare "${namespaces[@]}" ip link add v0 type veth peer name v1 2> /dev/null; then
        CTCLIP_CLUSTER_NAMESPACE=1 exec unshare "${namespaces[@]}" "$BASH" "$0" "${arguments[@]}"
    fi
    is_bare=yes
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/ctclip-slurm.XXXXXX")
mkdir -p "$root"/{etc,state,log}
for ((i = 0; i < num_nodes; i++)); do
    mkdir -p "$root/spool/node$i" "$root/tmp/node$i"
done
user=$(id -un)

if [[ $is_bare == yes ]]; then
    # Below those that the system hands out to whoever connects.
    until first_port=$((20000 + RANDOM % 12000)); ! is_any_port_in_use "$first_port" $((num_nodes + 1)); do :; done
else
    # Slurm and Open MPI both want an interface that is not the loopback.
    first_port=17000
    { ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up &&
        ip addr add 10.99.0.1/24 dev v0; } || fail "no network interface in the namespace"
fi

# auth/none: no munge. cred_expire: a requeued job waits that long before its next life.
# TmpFS by node: otherwise the PMIx folders of two nodes on one host collide.
cat > "$root/etc/slurm.conf" << EOF
ClusterName=throwaway
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$first_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool/%n
SlurmctldPidFile=$root/slurmctld.pid
SlurmdPidFile=$root/slurmd.%n.pid
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdLogFile=$root/log/slurmd.%n.log
TmpFS=$root/tmp/%n
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=3600
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=10000,bf_interval=1
NodeName=node[0-$last_node] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((first_port + 1))-$((first_port + num_nodes))] CPUs=$num_cpus Sockets=1 CoresPerSocket=$num_cpus ThreadsPerCore=1 RealMemory=8000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$root/etc/slurm.conf
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# A test may itself run under Slurm or mpirun.
for variable in "${!SLURM_JOB@}" "${!SLURM_STEP@}" "${!SLURM_NTASKS@}" "${!OMPI_COMM_WORLD@}" "${!PMIX@}"; do
    unset "$variable"
done

end_cluster() {
    local code=$? pid_file pids=() pid
    (( code == 0 )) || tail -n 20 "$root"/log/*.log >&2
    timeout 5 scancel --full --signal=KILL --user="$user" 2> /dev/null
    timeout 5 scancel --user="$user" 2> /dev/null
    for ((i = 0; i < 100; i++)); do
        [[ -n $(timeout 5 squeue --noheader 2> /dev/null) ]] || break
        sleep 0.1
    done
    for pid_file in "$root"/slurmd.*.pid "$root/slurmctld.pid"; do
        [[ ! -s $pid_file ]] || pids+=("$(< "$pid_file")")
    done
    for pid in "${pids[@]}"; do
        kill "$pid" 2> /dev/null
    done
    for ((i = 0; i < 60; i++)); do
        compgen -G "$root/slurm*.pid" > /dev/null || break  # each daemon removes its own at its end
        sleep 0.05
    done
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2> /dev/null
    done
    sleep 0.2
    rm -rf "$root" 2> /dev/null || { sleep 1; rm -rf "$root"; }
}
trap end_cluster EXIT

slurmctld -i || fail "slurmctld did not start: $(tail -n 3 "$root/log/slurmctld.log")"
for ((i = 0; i < num_nodes; i++)); do
    if [[ $is_bare == yes ]]; then
        # Open MPI names its shared memory by host, and all nodes are one host here.
        export OMPI_MCA_btl=self,tcp
        slurmd -c -N "node$i"
    else
        unshare --mount --uts --ipc sh -c "hostname node$i; mount -t tmpfs tmpfs /dev/shm; exec slurmd -c -N node$i"
    fi || fail "slurmd of node$i did not start"
done

count_idle() { timeout 5 sinfo --noheader --responding --states=idle --format=%D 2> /dev/null; }
for ((i = 0; i < 200; i++)); do
    [[ $(count_idle) != "$num_nodes" ]] || break
    sleep 0.05
done
[[ $(count_idle) == "$num_nodes" ]] || fail "nodes are not ready: $(tail -n 3 "$root"/log/*.log)"

"$@"
