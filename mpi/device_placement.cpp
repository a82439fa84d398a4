#include "mpi/device_placement.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "base/machine.hpp"
#include "dist/gather_bytes.hpp"

namespace ctclip {
namespace {

std::vector<RankDevice> gather_devices(Communicator& communicator, RankDevice const& mine) {
    std::vector<RankDevice> devices;
    for (std::string const& text : gather_bytes(mine.host + '\n' + mine.pci_bus_id, communicator)) {
        std::size_t const separator = text.find('\n');
        devices.push_back({.host = text.substr(0, separator), .pci_bus_id = text.substr(separator + 1)});
    }
    return devices;
}

/// A failure of one rank as a failure of all, so that nobody waits for it in the next collective.
void require_on_all(Communicator& communicator, std::string const& problem) {
    std::vector<std::string> const problems = gather_bytes(problem, communicator);
    for (std::size_t rank = 0; rank < problems.size(); ++rank) {
        require(problems[rank].empty(), ExitCode::kUnavailable, "rank {}: {}", rank, problems[rank]);
    }
}

}  // namespace

int choose_gpu(int local_rank, int first, int num_visible) {
    return (first + local_rank) % num_visible;
}

void require_precision(GpuInfo const& gpu, std::string_view precision, std::string_view key) {
    int const capability = 10 * gpu.compute_major + gpu.compute_minor;
    // fp16 and bf16 matrix products need tensor cores: Volta has those of fp16, Ampere those of bf16.
    int const needed = precision == "fp16" ? 70 : precision == "bf16" ? 80 : 0;
    require(
        capability >= needed, ExitCode::kUnavailable,
        "GPU {} ({}) has compute capability {}.{}, but {} needs {}.{}. Set {} to {}.",
        gpu.index, gpu.name, gpu.compute_major, gpu.compute_minor, precision, needed / 10, needed % 10, key,
        capability >= 70 ? "fp16 or fp32" : "fp32");
}

void require_distinct(std::span<RankDevice const> by_rank) {
    std::map<std::pair<std::string, std::string>, std::size_t> owners;
    for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
        RankDevice const& device = by_rank[rank];
        require(device.pci_bus_id.empty() == by_rank[0].pci_bus_id.empty(), ExitCode::kUnavailable,
                "rank {} on {} has {} GPU, but rank 0 on {} has {}. Give every task a GPU (--gpus-per-node, "
                "--ntasks-per-node), or set device.use_cuda=false.",
                rank, device.host, device.pci_bus_id.empty() ? "no" : "a", by_rank[0].host,
                by_rank[0].pci_bus_id.empty() ? "none" : "one");
        if (device.pci_bus_id.empty()) {
            continue;
        }
        auto const [owner, is_new] = owners.emplace(std::pair(device.host, device.pci_bus_id), rank);
        require(is_new, ExitCode::kUnavailable,
                "ranks {} and {} on {} would share GPU {} (NCCL: \"Duplicate GPU detected\"). Start one task "
                "per GPU with --gpus-per-node and --ntasks-per-node; --gpus-per-task under mpirun gives all "
                "ranks of a host the same GPU.",
                owner->second, rank, device.host, device.pci_bus_id);
    }
}

std::optional<GpuInfo> place_rank(Communicator& communicator, std::vector<GpuInfo> const& gpus,
                                  PlacementOptions const& options) {
    std::optional<GpuInfo> mine;
    if (!gpus.empty()) {
        int const chosen = choose_gpu(options.local_rank, options.first_gpu, static_cast<int>(gpus.size()));
        mine = gpus[static_cast<std::size_t>(chosen)];
    }
    require_distinct(
        gather_devices(communicator, {.host = host_name(), .pci_bus_id = mine ? mine->pci_bus_id : ""}));

    std::string problem;
    try {
        if (mine) {
            require_precision(*mine, options.precision, options.precision_key);
            use_gpu(*mine);
        }
    } catch (Error const& error) {
        problem = error.what();
    }
    require_on_all(communicator, problem);
    return mine;
}

}  // namespace ctclip
