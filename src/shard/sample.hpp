/// One sample of a shard: its four members KEY.bin, KEY.json, KEY.txt, KEY.labels (src/shard/FORMAT.md).
///
/// .bin     fp16, little-endian, C order, axes (x, y, z): nothing else
/// .json    SampleMetadata
/// .txt     report: findings, newline, impressions; UTF-8
/// .labels  one float32, little-endian, 0 or 1, per abnormality
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

/// The 18 abnormalities of CT-RATE: the length of every .labels member.
inline constexpr std::size_t kNumLabels = 18;

/// Sizes along x, y, z; each >= 1, the product at most kMaxVoxels.
using VolumeShape = std::array<std::int64_t, 3>;
inline constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 40;

std::int64_t num_voxels(VolumeShape const& shape);

enum class VolumeLayout {
    kRaw,           ///< source voxels and axes; HU = rescale_slope * voxel + rescale_intercept
    kPreprocessed,  ///< resampled, clipped, normalised to [-1, 1], cropped and padded
};

/// The .json of a sample.
struct SampleMetadata {
    VolumeLayout layout = VolumeLayout::kRaw;
    std::string study_id;
    VolumeShape volume_shape{};
    bool may_lack_labels = false;  ///< the build script left .labels out of some samples

    /// Of raw volumes only; a preprocessed volume keeps these defaults.
    double rescale_slope = 1.0;      ///< finite
    double rescale_intercept = 0.0;  ///< HU, finite
    std::string xy_spacing;          ///< the CSV text, such as "[0.732, 0.732]"
    double xy_spacing_mm = 1.0;      ///< its first number; finite, positive
    double z_spacing_mm = 1.0;       ///< finite, positive
};

/// The bytes of Python's json.dumps over the converter's dictionary (src/shard/FORMAT.md).
std::string encode_metadata(SampleMetadata const& metadata);

/// Reads what every known writer wrote: the converter, the preprocess script (no rescale and spacing), the
/// build script (`shape` and `dtype` for `volume_shape` and `volume_dtype`). Unknown names are ignored.
/// @param where  names the member in messages.
/// @throws Error kBadInput: no or ambiguous JSON, a name missing, a value of the wrong kind or out of its
/// range,
///         a dtype other than float16.
SampleMetadata parse_metadata(std::string_view json, std::string const& where);

/// @throws Error kBadInput unless there are kNumLabels values, each 0 or 1.
std::vector<float> parse_labels(std::span<std::byte const> bytes, std::string const& where);

/// @throws Error kBadInput unless `text` is UTF-8.
void check_report_text(std::string_view text, std::string const& where);

}  // namespace ctclip
