#include "convert/hu_check.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "base/half.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxSampledVoxels = 1'000'000;
constexpr double kLowestHu = -1100.0;
constexpr double kAirUpperHu = -600.0;
constexpr double kTissueHu = 200.0;
constexpr double kMinAir = 0.01;
constexpr double kMinTissue = 0.02;
constexpr double kMaxImpossible = 0.02;

/// Of the voxels that are not padding.
struct Fractions {
    double air = 0.0;
    double tissue = 0.0;
    double impossible = 0.0;

    bool is_plausible() const {
        return air >= kMinAir && tissue >= kMinTissue && impossible <= kMaxImpossible;
    }
};

std::vector<float> sample_voxels(std::span<std::uint16_t const> halves) {
    std::size_t const stride = hu_check_stride(halves.size());
    std::vector<float> values;
    values.reserve(halves.size() / stride + 1);
    for (std::size_t i = 0; i < halves.size(); i += stride) {
        values.push_back(half_to_float(halves[i]));
    }
    return values;
}

Fractions fractions_under(std::vector<float> const& voxels, double slope, double intercept) {
    std::size_t num_air = 0;
    std::size_t num_tissue = 0;
    std::size_t num_impossible = 0;
    for (float const voxel : voxels) {
        double const hu = slope * voxel + intercept;
        num_impossible += hu < kLowestHu ? 1 : 0;
        num_air += hu >= kLowestHu && hu <= kAirUpperHu ? 1 : 0;
        num_tissue += hu >= -kTissueHu && hu <= kTissueHu ? 1 : 0;
    }
    double const total = static_cast<double>(std::max<std::size_t>(voxels.size(), 1));
    return {static_cast<double>(num_air) / total, static_cast<double>(num_tissue) / total,
            static_cast<double>(num_impossible) / total};
}

/// Scanners fill what lies outside the field of view with one value below all others.
void remove_padding(std::vector<float>& voxels, double slope, double intercept) {
    float const lowest = voxels.empty() ? 0.0F : *std::min_element(voxels.begin(), voxels.end());
    if (lowest < kLowestHu || slope * lowest + intercept < kLowestHu) {
        std::erase(voxels, lowest);
    }
}

std::string describe(Fractions const& fractions) {
    return fmt::format("{:.1f} % air or lung, {:.1f} % soft tissue, {:.1f} % below -1100 HU",
                       100 * fractions.air, 100 * fractions.tissue, 100 * fractions.impossible);
}

}  // namespace

std::size_t hu_check_stride(std::size_t num_voxels) {
    return std::max<std::size_t>(1, num_voxels / kMaxSampledVoxels);
}

HuCheck check_hu(std::span<std::uint16_t const> halves, double slope, double intercept) {
    std::vector<float> voxels = sample_voxels(halves);
    remove_padding(voxels, slope, intercept);
    Fractions const as_is = fractions_under(voxels, 1.0, 0.0);
    Fractions const rescaled = fractions_under(voxels, slope, intercept);
    Fractions const undone = fractions_under(voxels, 1.0 / slope, -intercept / slope);

    HuCheck check;
    check.evidence = fmt::format("as stored: {}; with slope {} and intercept {}: {}", describe(as_is), slope,
                                 intercept, describe(rescaled));
    if (slope == 1.0 && intercept == 0.0) {
        check.verdict = HuVerdict::kSameEitherWay;
    } else if (as_is.is_plausible() != rescaled.is_plausible()) {
        check.verdict = as_is.is_plausible() ? HuVerdict::kAlreadyHu : HuVerdict::kNeedsRescale;
    } else if (!as_is.is_plausible() && undone.is_plausible()) {
        check.verdict = HuVerdict::kRescaledTwice;
    }
    return check;
}

void require_rescale_is_needed(HuCheck const& check, std::filesystem::path const& path) {
    switch (check.verdict) {
        case HuVerdict::kNeedsRescale:
        case HuVerdict::kSameEitherWay:
            return;
        case HuVerdict::kAlreadyHu:
            fail(ExitCode::kBadInput,
                 "{}: probable double rescale: its voxels look like HU already, but the metadata CSV has a "
                 "slope and an "
                 "intercept for them ({}). If the volumes are HU (CT-RATE's *_fixed are), set "
                 "convert.rescale to "
                 "already_hu",
                 path.string(), check.evidence);
        case HuVerdict::kRescaledTwice:
            fail(ExitCode::kBadInput,
                 "{}: probable double rescale in the source: its voxels look like HU that were rescaled once "
                 "more with "
                 "the metadata CSV's values ({}). Make the NPZ again from the original images",
                 path.string(), check.evidence);
        case HuVerdict::kUndecidable:
            break;
    }
    fail(ExitCode::kBadInput,
         "{}: cannot tell from its voxels whether they need the metadata CSV's slope and intercept ({}). "
         "Look at it, and "
         "set convert.rescale to csv or already_hu",
         path.string(), check.evidence);
}

void require_one_scaling(NiftiHeader const& header, double csv_slope, double csv_intercept,
                         std::filesystem::path const& path) {
    bool const is_csv_trivial = csv_slope == 1.0 && csv_intercept == 0.0;
    require(!header.has_scaling() || is_csv_trivial, ExitCode::kBadInput,
            "{}: scaled twice? Its header has slope {} and intercept {}, which are applied when it is read, and the "
            "metadata CSV has slope {} and intercept {} on top. If the header's give HU, set convert.rescale to "
            "already_hu; auto looks at the voxels of each volume",
            path.string(), header.slope, header.intercept, csv_slope, csv_intercept);
}

}  // namespace ctclip
