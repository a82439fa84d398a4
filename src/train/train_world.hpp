/// Where a run computes, and with whom.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "dist/communicator.hpp"

namespace ctclip {

struct TrainWorld {
    Communicator& host;   ///< over host memory: control and scores
    Communicator& ranks;  ///< over the device's memory: gradients and latents
    at::Device device;
    std::string device_name;
    int num_threads = 1;  ///< of this rank

    bool is_root() const { return host.rank() == 0; }
};

}  // namespace ctclip
