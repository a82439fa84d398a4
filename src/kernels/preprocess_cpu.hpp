/// Whole volumes on the CPU: the slow reference, and the fused path that gives the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/column_tile.hpp"
#include "kernels/preprocess.hpp"

namespace ctclip {

/// 16 neighbouring voxels, one cache line.
struct alignas(64) VoxelLine {
    float voxels[16];
};

/// One row of a column tile.
struct alignas(64) TileRow {
    float voxels[kTileColumns];
};

/// One row of a column tile as it is stored: fp16.
struct alignas(64) StoredTileRow {
    std::uint16_t voxels[kTileColumns];
};

/// Working memory of the fast paths, kept from volume to volume; one per thread. Some hundred kilobytes.
struct PreprocessScratch {
    std::vector<VoxelLine> rows;   ///< two source rows of one column tile, interpolated along y
    std::vector<TileRow> columns;  ///< one target row of a column tile: (source z, column)
    std::vector<StoredTileRow> stored_rows;  ///< (z, column) of a plane of a preprocessed volume
};

/// Calls preprocessed_voxel for each voxel of the model's input.
/// @param raw_xyz    fp16 bit patterns, C order (x, y, z); recipe.geometry.num_source_voxels() of them.
/// @param input_zxy  float32, C order (z, x, y); recipe.geometry.num_target_voxels() of them.
void preprocess_reference(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
                          std::span<float> input_zxy);

/// The same bits in one pass over the volume: separable, only the voxels that survive the crop, vectorised.
/// Fastest when `input_zxy` is 64-byte aligned and its rows are multiples of 16 voxels. Thread-safe.
void preprocess(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
                std::span<float> input_zxy, PreprocessScratch& scratch);

/// Calls stored_voxel for each voxel: (x, y, z) fp16 -> (z, x, y) float32.
void widen_stored_reference(std::span<std::int64_t const> shape_xyz,
                            std::span<std::uint16_t const> stored_xyz, std::span<float> input_zxy);

/// The same bits for one plane (y, z) of the stored volume, vectorised: a volume is best widened as it is read, plane
/// by plane out of the processor's cache. Thread-safe.
void widen_plane(std::span<std::int64_t const> shape_xyz, std::int64_t x, std::span<std::uint16_t const> plane_yz,
                 std::span<float> input_zxy, PreprocessScratch& scratch);

/// The instruction set that the fused path uses on this processor, such as "AVX3".
std::string_view preprocess_instruction_set();

}  // namespace ctclip
