/// What a GPU adds to loading: stored volumes over the bus, and the kernel that makes them the model's input.
#pragma once

#include <cstdint>
#include <memory>

#include "loader/data_options.hpp"
#include "loader/sample_source.hpp"
#include "tools/tool_frame.hpp"

namespace ctclip {

/// Every sample `num_repeats` times, on the first GPU; a record for each element type of the model's input.
/// The floor of a kernel is a copy within the GPU's memory that moves as many bytes as the kernel must.
/// @throws Error kUnavailable where this build or this machine has no GPU.
ExitCode bench_gpu_loader(ToolContext& tool, std::shared_ptr<SampleSource const> source,
                          DataOptions const& data, std::int64_t num_repeats);

}  // namespace ctclip
