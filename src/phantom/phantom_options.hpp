/// What a set of phantoms is told.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "npz/npz_writer.hpp"
#include "phantom/report_writer.hpp"
#include "phantom/sign.hpp"

namespace ctclip {

/// What the voxels of the files mean.
enum class StoredUnits {
    kScanner,  ///< CT-RATE v1: HU = slope * voxel + intercept, with the metadata's values
    kHu,       ///< CT-RATE v2 ("_fixed"): HU already, though the metadata still lists slope and intercept
};

struct PhantomOptions {
    std::filesystem::path output;
    std::int64_t count = 18;
    std::int64_t seed = 1;
    std::string split =
        "valid";  ///< first part of every name; train and valid of one seed differ in every way
    std::int64_t first_patient = 1;

    std::array<std::int64_t, 3> size = {256, 256, 128};  ///< voxels along x, y, z
    double size_jitter = 0.0;                            ///< each axis varies by up to this share
    DType dtype = DType::kI16;                           ///< kF64, kF32 or kI16
    NpzCompression compression = NpzCompression::kDeflated;
    ArrayOrder order = ArrayOrder::kC;
    StoredUnits units = StoredUnits::kScanner;

    std::int64_t min_findings = 0;
    std::int64_t max_findings = 3;
    std::optional<double> prevalence;  ///< each label by itself with this probability; replaces the two above
    std::optional<SignSet> fixed_signs;  ///< every study has exactly these
    bool one_label_each = false;         ///< study i has label i mod 18 alone
    double severity = 1.0;               ///< size, number and contrast of the signs
    ReportStyle report_style = ReportStyle::kShort;

    std::optional<std::filesystem::path> contact_sheet;  ///< PNG of the first studies
    std::int64_t num_threads = 0;                        ///< 0: one per core
};

inline constexpr std::int64_t kMinPhantomSize = 8;
inline constexpr std::array<std::int64_t, 3> kMaxPhantomSize = {1024, 1024, 400};

/// @throws Error kUsage that names the option, its value and the range.
void check_options(PhantomOptions const& options);

}  // namespace ctclip
