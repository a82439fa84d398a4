/// A picture of a volume, so that a person can see whether it is upright and in the right units.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "shard/sample.hpp"

namespace ctclip {

/// Writes a grey PNG: axial, coronal and sagittal middle slices side by side, -1000 HU black, 1000 HU white
/// (-1 and 1 if preprocessed), voxels stretched to square millimetres. The axes are those of CT-RATE: x to
/// the left, y to the back, z to the head (LPS).
/// Replaces the file. @throws Error kCannotCreate, kIoError, kNoPermission.
void write_slice_sheet(std::filesystem::path const& path, SampleMetadata const& metadata,
                       std::span<std::uint16_t const> halves);

}  // namespace ctclip
