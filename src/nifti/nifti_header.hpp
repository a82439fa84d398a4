/// The header of a NIfTI-1 or NIfTI-2 file (nifti.nimh.nih.gov), checked before any of it is used.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/array.hpp"

namespace ctclip {

/// How a voxel axis of the file lies in the patient, in LPS: x to the left, y to the back, z to the head.
struct NiftiAxis {
    std::size_t file_axis = 0;  ///< which of the file's axes runs along it
    bool is_reversed = false;   ///< the file counts the other way
    double spacing_mm = 1.0;
};

struct NiftiHeader {
    DType type = DType::kI16;            ///< kF64 kF32 kI32 kI16 kI8 kU16 kU8
    std::array<std::int64_t, 3> size{};  ///< of the file's axes i, j, k (i varies fastest), each >= 1
    bool is_big_endian = false;
    /// value = slope * stored + intercept. A slope of 0, infinity or NaN in the file means none, as in
    /// nibabel: 1 and 0.
    double slope = 1.0;
    double intercept = 0.0;
    std::array<NiftiAxis, 3> axes{};  ///< x, y, z of LPS
    std::string orientation;  ///< sides that the file's axes run to, as nibabel.aff2axcodes: "LPS", "RAS"
    std::optional<std::string> orientation_conflict;  ///< how the qform contradicts the sform, for people
    std::uint64_t data_offset = 0;                    ///< bytes from the start of the file
    std::uint64_t data_bytes = 0;

    bool has_scaling() const { return slope != 1.0 || intercept != 0.0; }
};

/// NIfTI-2's 540 bytes and the four that say whether extensions follow.
inline constexpr std::size_t kMaxNiftiHeaderBytes = 544;

/// Orientation comes from the sform, or where that is unset from the qform: nibabel's rule. Where both are
/// set and an axis of one is more than 11 degrees off the other's, or the qform's quaternion is no rotation,
/// orientation_conflict says so. Axes may lie up to 11 degrees off the patient's (a tilted gantry): they count as the
/// nearest ones, nothing is resampled.
/// @param prefix  the file's first bytes, min(its size, kMaxNiftiHeaderBytes) of them, uncompressed.
/// @param what    names the file in messages.
/// @throws Error kBadInput for everything that is not one volume of three axes with a known orientation and a
/// number type of the list, naming what is wrong.
NiftiHeader parse_nifti_header(std::span<std::byte const> prefix, std::string const& what);

}  // namespace ctclip
