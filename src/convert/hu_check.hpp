/// Do the stored voxels need the metadata CSV's slope and intercept? CT-RATE's second edition (`*_fixed`)
/// holds HU already, while its metadata still lists scanner slopes and intercepts: rescaling twice blackens
/// the volume without any error.
///
/// The rule. A mapping of stored values to HU is plausible if, leaving out padding (the lowest stored value,
/// if it lies below -1100 HU as it is or with the CSV's values):
///   - at least 1 % of the voxels are air or lung, -1100 to -600 HU,
///   - at least 2 % are soft tissue, fat or water, -200 to 200 HU,
///   - at most 2 % lie below -1100 HU, which nothing in a body does.
/// Every volume is tried as it is and with the CSV's values. Only the CSV's plausible: they are applied. The
/// same mapping (slope 1, intercept 0): nothing to decide. Only the voxels as they are plausible: applying
/// the CSV would rescale twice. Neither plausible, but the voxels with the CSV's values taken off again: the
/// source was rescaled twice. All else is undecidable. At most about a million voxels, evenly spread, are
/// looked at.
///
/// A NIfTI may bring a scaling of its own (scl_slope, scl_inter). It is applied whenever the file is read, as
/// nibabel does, and never again; what the rule above judges are the voxels after it. Where neither it nor the
/// CSV's pair is trivial (1 and 0), one of them is probably there twice, and convert.rescale decides:
///   csv         refused: nobody has looked whether both are meant
///   already_hu  the header's alone
///   auto        both, if the voxels look as if they need the CSV's too
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "nifti/nifti_header.hpp"

namespace ctclip {

enum class HuVerdict {
    kNeedsRescale,   ///< HU = slope * voxel + intercept
    kSameEitherWay,  ///< slope 1, intercept 0
    kAlreadyHu,      ///< HU = voxel: the CSV's values would rescale a second time
    kRescaledTwice,  ///< HU = (voxel - intercept) / slope: the source itself is spoilt
    kUndecidable,
};

struct HuCheck {
    HuVerdict verdict = HuVerdict::kUndecidable;
    std::string evidence;  ///< the fractions that decided, for people
};

/// Of `num_voxels`, check_hu() looks at every so-manieth: those alone, in order, give the same answer.
std::size_t hu_check_stride(std::size_t num_voxels);

/// @param halves  finite fp16 bit patterns.  @param slope  finite, not 0.  @param intercept  HU, finite.
HuCheck check_hu(std::span<std::uint16_t const> halves, double slope, double intercept);

/// @throws Error kBadInput, with the evidence and what to do, unless the CSV's values can be applied.
void require_rescale_is_needed(HuCheck const& check, std::filesystem::path const& path);

/// For convert.rescale csv. @throws Error kBadInput, with both pairs and what to do, unless the header's or the
/// CSV's is trivial.
void require_one_scaling(NiftiHeader const& header, double csv_slope, double csv_intercept,
                         std::filesystem::path const& path);

}  // namespace ctclip
