/// Whole volumes on a GPU: one kernel from stored fp16 to the model's input. Present in CUDA builds only.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/preprocess_tile.hpp"

struct CUstream_st;

namespace ctclip {

using CudaStream = CUstream_st*;

/// Both return at once; the kernel runs on `stream` of the current device.
/// @param input_device  (z, x, y), C order, elements of `type`.
/// @throws Error kUnavailable if the kernel cannot be started.

/// @param raw_device  fp16 bit patterns, C order (x, y, z), recipe.geometry.num_source_voxels() of them.
void launch_preprocess(PreprocessRecipe const& recipe, std::uint16_t const* raw_device, void* input_device,
                       InputType type, CudaStream stream);

/// A volume that was preprocessed before it was stored: widened and permuted.
void launch_widen_stored(InputShape shape, std::uint16_t const* stored_device, void* input_device,
                         InputType type, CudaStream stream);

}  // namespace ctclip
