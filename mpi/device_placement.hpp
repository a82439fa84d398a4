/// Which rank computes where. Each rank takes one GPU, by its position on its host; two
/// ranks on one GPU, or a GPU that cannot do the precision asked, stop the job before any time is spent.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dist/communicator.hpp"

namespace ctclip {

struct GpuInfo {
    int index = 0;  ///< among the GPUs that this process sees
    std::string name;
    std::string pci_bus_id;  ///< "0000:1B:00.0": the same for all processes of a host
    int compute_major = 0;
    int compute_minor = 0;
    std::size_t memory_bytes = 0;
};

/// GPUs that this process sees, by index; empty in a build without CUDA and on a machine without a driver.
std::vector<GpuInfo> visible_gpus();

/// Makes the GPU this thread's CUDA device. @throws Error kUnavailable (always in a build without CUDA).
void use_gpu(GpuInfo const& gpu);

/// local_rank mod the number of visible GPUs, counted from `first`: with one GPU visible (--gpus-per-task) it
/// is that.
/// @param num_visible  >= 1.
int choose_gpu(int local_rank, int first, int num_visible);

/// @param precision  "fp32", "bf16" or "fp16".
/// @param key        the option that asked for it, named in the advice.
/// @throws Error kUnavailable when the GPU lacks it in hardware.
void require_precision(GpuInfo const& gpu, std::string_view precision, std::string_view key);

struct RankDevice {
    std::string host;
    std::string pci_bus_id;  ///< empty: the CPU
};

/// @param by_rank  rank 0's first. @throws Error kUnavailable when two ranks share a GPU or only some have
/// one.
void require_distinct(std::span<RankDevice const> by_rank);

struct PlacementOptions {
    int local_rank = 0;
    int first_gpu = 0;  ///< device.cuda_device
    std::string precision = "fp32";
    std::string precision_key = "training.mixed_precision";  ///< the option that asked for it: for the advice
};

/// Collective, over the host communicator. This rank's GPU, in use from here on; nothing where no rank has
/// one, which means the CPU. @throws Error kUnavailable as above, on every rank.
std::optional<GpuInfo> place_rank(Communicator& communicator, std::vector<GpuInfo> const& gpus,
                                  PlacementOptions const& options);

}  // namespace ctclip
