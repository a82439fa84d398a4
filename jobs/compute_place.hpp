/// Where a rank computes: its GPU, with NCCL between the ranks if asked for, or its share of the CPU with MPI.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>

#include "dist/communicator.hpp"
#include "model/device_options.hpp"
#include "mpi/mpi_session.hpp"

namespace ctclip {

/// What GPUs have to say to each other.
enum class GpuLink { kNone, kNccl };

struct PlaceOptions {
    DeviceOptions device;
    std::string precision = "fp32";                          ///< or "bf16", "fp16": what the device must be able to do
    std::string precision_key = "training.mixed_precision";  ///< the option that asked for it: for the advice
    GpuLink gpu_link = GpuLink::kNone;
};

class ComputePlace {
  public:
    /// Collective. Sets the process's device, LibTorch's thread count and set_accurate_sums().
    /// @throws Error kUnavailable when GPUs are shared or cannot do the precision asked.
    ComputePlace(MpiSession const& session, PlaceOptions const& options);

    at::Device device() const { return device_; }
    std::string const& name() const { return name_; }  ///< "NVIDIA H100 80GB HBM3", "AMD EPYC (AVX512)"
    int num_threads() const { return num_threads_; }
    /// Between ranks, over the device's memory (GpuLink::kNccl) or the host's.
    Communicator& ranks() const { return device_ranks_ ? *device_ranks_ : host_; }

  private:
    Communicator& host_;
    at::Device device_ = at::kCPU;
    std::string name_;
    int num_threads_ = 1;
    std::unique_ptr<Communicator> device_ranks_;
};

}  // namespace ctclip
