/// The `device:` section of the configuration: where a rank computes.
#pragma once

#include <cstdint>

#include "config/schema.hpp"

namespace ctclip {

struct DeviceOptions {
    bool use_cuda = true;       ///< false: the CPU even where a GPU is
    bool require_cuda = false;  ///< true: refuse to compute on the CPU
    std::int64_t cuda_device = 0;
    std::int64_t num_threads = 0;  ///< of a rank on the CPU; 0: its share of the host's cores

    void bind(Schema& schema);
};

}  // namespace ctclip
