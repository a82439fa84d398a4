/// The CUDA preprocessing kernel without a GPU: its body over every block and thread, on the CPU. Far slower
/// than preprocess_cpu.hpp, and the same bits: with it the whole route of volumes to a GPU is tested where
/// there is none.
#pragma once

#include <cstdint>

#include "kernels/preprocess_tile.hpp"

namespace ctclip {

/// As launch_preprocess of preprocess_cuda.hpp, in host memory; done when it returns.
void emulate_preprocess(PreprocessRecipe const& recipe, std::uint16_t const* raw_xyz, void* input_zxy,
                        InputType type);

/// As launch_widen_stored.
void emulate_widen_stored(InputShape shape, std::uint16_t const* stored_xyz, void* input_zxy, InputType type);

}  // namespace ctclip
