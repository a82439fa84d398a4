/// What one block of the CUDA preprocessing kernel does, as host and device code: the index arithmetic that
/// runs on a GPU is tested by running every (block, thread) on the CPU.
///
/// A block makes 32 slices x 32 columns of one row of the model's input. Stored volumes run along z, the
/// model's input along y: threads first read along z and put voxels into the tile, then write along y, both
/// in whole cache lines.
#pragma once

#include <cstdint>

#include "kernels/half_element.hpp"
#include "kernels/host_device.hpp"
#include "kernels/preprocess.hpp"

namespace ctclip {

/// Element type of the model's input on the device.
enum class InputType : std::int32_t { kFloat32, kFloat16, kBFloat16 };

inline constexpr std::int32_t kTileSide = 32;
inline constexpr std::int32_t kTileThreads = 256;
inline constexpr std::int32_t kTileWarps = kTileThreads / kTileSide;

struct VoxelTile {
    float voxels[kTileSide]
                [kTileSide + 1];  // [column][slice]; one more, so that columns lie in different banks
};

/// Blocks are counted along (x, column tiles, slice tiles).
struct BlockCounts {
    std::int32_t along_x;
    std::int32_t along_y;
    std::int32_t along_z;
};

struct BlockIndex {
    std::int32_t x;
    std::int32_t y;
    std::int32_t z;
};

struct InputShape {
    std::int32_t num_z;
    std::int32_t num_x;
    std::int32_t num_y;

    static InputShape of(VolumeGeometry const& geometry) {
        return {geometry.z.num_target, geometry.x.num_target, geometry.y.num_target};
    }
    static InputShape of(TargetGrid const& grid) {
        return {grid.shape_zxy[0], grid.shape_zxy[1], grid.shape_zxy[2]};
    }

    CTCLIP_HOST_DEVICE BlockCounts block_counts() const {
        return {num_x, (num_y + kTileSide - 1) / kTileSide, (num_z + kTileSide - 1) / kTileSide};
    }
};

/// Voxel of the model's input from a raw volume.
struct RawVoxels {
    PreprocessRecipe recipe;
    std::uint16_t const* raw_xyz;

    CTCLIP_HOST_DEVICE float operator()(std::int32_t z, std::int32_t x, std::int32_t y) const {
        return preprocessed_voxel(recipe, raw_xyz, z, x, y);
    }
};

/// Voxel of the model's input from a volume that was preprocessed before it was stored.
struct StoredVoxels {
    InputShape shape;
    std::uint16_t const* stored_xyz;

    CTCLIP_HOST_DEVICE float operator()(std::int32_t z, std::int32_t x, std::int32_t y) const {
        return stored_voxel(shape.num_y, shape.num_z, stored_xyz, z, x, y);
    }
};

/// First half of a block; all its threads must be done before the second begins.
template <class Voxels>
CTCLIP_HOST_DEVICE void read_tile(Voxels const& voxels, InputShape shape, BlockIndex block,
                                  std::int32_t thread, VoxelTile& tile) {
    std::int32_t const lane = thread % kTileSide;
    std::int32_t const z = block.z * kTileSide + lane;
    for (std::int32_t column = thread / kTileSide; column < kTileSide; column += kTileWarps) {
        std::int32_t const y = block.y * kTileSide + column;
        if (z < shape.num_z && y < shape.num_y) {
            tile.voxels[column][lane] = voxels(z, block.x, y);
        }
    }
}

/// Second half. `input_zxy` has the shape (num_z, num_x, num_y).
template <class Element>
CTCLIP_HOST_DEVICE void write_tile(InputShape shape, BlockIndex block, std::int32_t thread,
                                   VoxelTile const& tile, Element* input_zxy) {
    std::int32_t const lane = thread % kTileSide;
    std::int32_t const y = block.y * kTileSide + lane;
    for (std::int32_t slice = thread / kTileSide; slice < kTileSide; slice += kTileWarps) {
        std::int32_t const z = block.z * kTileSide + slice;
        if (z < shape.num_z && y < shape.num_y) {
            std::int64_t const row = std::int64_t{z} * shape.num_x + block.x;
            write_element(tile.voxels[lane][slice], input_zxy + row * shape.num_y + y);
        }
    }
}

/// Every thread of every block, one after the other: what a GPU would write.
template <class Element, class Voxels>
void run_all_tiles(Voxels const& voxels, InputShape shape, Element* input_zxy) {
    BlockCounts const counts = shape.block_counts();
    for (BlockIndex block{0, 0, 0}; block.x < counts.along_x; ++block.x) {
        for (block.y = 0; block.y < counts.along_y; ++block.y) {
            for (block.z = 0; block.z < counts.along_z; ++block.z) {
                VoxelTile tile;
                for (std::int32_t thread = 0; thread < kTileThreads; ++thread) {
                    read_tile(voxels, shape, block, thread, tile);
                }
                for (std::int32_t thread = 0; thread < kTileThreads; ++thread) {
                    write_tile(shape, block, thread, tile, input_zxy);
                }
            }
        }
    }
}

}  // namespace ctclip
