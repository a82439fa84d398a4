/// What a rank's device could compute at most, the measure of model FLOP utilisation, and what it has held.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>

#include "model/precision_policy.hpp"

namespace ctclip {

struct PeakRate {
    double flops_per_s = 0.0;
    std::string source;  ///< where the number comes from, for people and records
};

/// @param peak_tflops  of one rank, as its vendor states it for the run's precision (`run.peak_tflops`). Without it the
///                     rate of a large square matrix product is measured on `device`, for about 0.1 s: what
///                     products attain here, not what a data sheet says.
PeakRate peak_rate(std::optional<double> peak_tflops, at::Device device, PrecisionPolicy const& policy);

/// The most memory of the device that tensors of this process have taken so far; nothing on the CPU.
std::optional<std::int64_t> peak_device_memory_bytes(at::Device device);

}  // namespace ctclip
