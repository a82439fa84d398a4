#include "nifti/nifti_header.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <string_view>

#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::int32_t kNifti1Bytes = 348;
constexpr std::int32_t kNifti2Bytes = 540;
constexpr double kMaxTiltDegrees = 11.0;
constexpr double kMaxQuaternionExcess = 1e-3;  ///< of its squares over 1: far more than float32 rounds

using Affine = std::array<std::array<double, 3>, 3>;  // [world axis, RAS][voxel axis], mm a voxel

/// Where the fields of the two versions are.
struct Layout {
    std::size_t dim, datatype, bitpix, pixdim, data_offset, slope, intercept, units, qform_code, sform_code, quaternion,
        srow;
    bool is_version_2;
};
constexpr Layout kVersion1{40, 70, 72, 76, 108, 112, 116, 123, 252, 254, 256, 280, false};
constexpr Layout kVersion2{16, 12, 14, 104, 168, 176, 184, 500, 344, 348, 352, 400, true};

class NiftiFields {
  public:
    NiftiFields(std::span<std::byte const> bytes, bool is_swapped, Layout const& layout)
        : bytes_(bytes), is_swapped_(is_swapped), layout_(layout) {}

    Layout const& layout() const { return layout_; }

    template <class T>
    T at(std::size_t offset) const {
        std::array<std::byte, sizeof(T)> raw;
        std::memcpy(raw.data(), bytes_.data() + offset, sizeof(T));
        if (is_swapped_) {
            std::ranges::reverse(raw);
        }
        T value;
        std::memcpy(&value, raw.data(), sizeof(T));
        return value;
    }
    /// Real number `index` of an array: float in version 1, double in version 2.
    double real(std::size_t offset, std::size_t index = 0) const {
        return layout_.is_version_2 ? at<double>(offset + 8 * index) : at<float>(offset + 4 * index);
    }
    std::int64_t dim(std::size_t index) const {
        return layout_.is_version_2 ? at<std::int64_t>(layout_.dim + 8 * index)
                                    : at<std::int16_t>(layout_.dim + 2 * index);
    }
    std::int64_t code(std::size_t offset) const {
        return layout_.is_version_2 ? at<std::int32_t>(offset) : at<std::int16_t>(offset);
    }
    std::int64_t units() const {
        return layout_.is_version_2 ? at<std::int32_t>(layout_.units) : at<std::uint8_t>(layout_.units);
    }
    double data_offset() const {
        return layout_.is_version_2 ? static_cast<double>(at<std::int64_t>(layout_.data_offset))
                                    : at<float>(layout_.data_offset);
    }

  private:
    std::span<std::byte const> bytes_;
    bool is_swapped_;
    Layout const& layout_;
};

NiftiFields open_header(std::span<std::byte const> bytes, std::string const& what, bool& is_swapped) {
    require(bytes.size() >= static_cast<std::size_t>(kNifti1Bytes), ExitCode::kBadInput,
            "{}: {} bytes are too few for a NIfTI header", what, bytes.size());
    for (bool const swapped : {false, true}) {
        is_swapped = swapped;
        NiftiFields const first(bytes, swapped, kVersion1);
        auto const header_bytes = first.at<std::int32_t>(0);
        if (header_bytes == kNifti1Bytes) {
            require(std::memcmp(bytes.data() + 344, "n+1", 4) == 0, ExitCode::kBadInput,
                    "{}: not a single-file NIfTI-1 (magic \"n+1\"); a pair of .hdr and .img is not read",
                    what);
            return first;
        }
        if (header_bytes == kNifti2Bytes) {
            require(bytes.size() >= static_cast<std::size_t>(kNifti2Bytes) &&
                        std::memcmp(bytes.data() + 4, "n+2\0\r\n\032\n", 8) == 0,
                    ExitCode::kBadInput, "{}: not a single-file NIfTI-2 (magic \"n+2\")", what);
            return {bytes, swapped, kVersion2};
        }
    }
    fail(ExitCode::kBadInput, "{}: not a NIfTI file: its header names neither {} nor {} bytes as its size",
         what, kNifti1Bytes, kNifti2Bytes);
}

DType type_of(std::int64_t datatype, std::string const& what) {
    switch (datatype) {
        case 2:
            return DType::kU8;
        case 4:
            return DType::kI16;
        case 8:
            return DType::kI32;
        case 16:
            return DType::kF32;
        case 64:
            return DType::kF64;
        case 256:
            return DType::kI8;
        case 512:
            return DType::kU16;
        default:
            break;
    }
    fail(ExitCode::kBadInput,
         "{}: NIfTI datatype {} is not read; only int8, int16, int32, uint8, uint16, float32 and float64 are",
         what, datatype);
}

/// nibabel and nifti_clib go by the datatype alone. 0 is no contradiction: writers that leave the field out need not be
/// wrong about the datatype.
void require_bits_of(DType type, NiftiFields const& fields, std::string const& what) {
    std::size_t const expected = 8 * item_size_bytes(type);
    auto const bits = fields.at<std::int16_t>(fields.layout().bitpix);
    require(bits == 0 || bits == static_cast<std::int16_t>(expected), ExitCode::kBadInput,
            "{}: bitpix {} contradicts datatype {}, whose voxels have {} bits: if the datatype is the wrong one, so is "
            "every voxel. Correct the header, or write the file anew",
            what, bits, fields.at<std::int16_t>(fields.layout().datatype), expected);
}

std::array<std::int64_t, 3> size_of(NiftiFields const& fields, std::string const& what) {
    std::int64_t const num_axes = fields.dim(0);
    require(num_axes >= 3 && num_axes <= 7, ExitCode::kBadInput, "{}: {} axes instead of 3", what, num_axes);
    std::array<std::int64_t, 3> size{};
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(num_axes); ++axis) {
        std::int64_t const length = fields.dim(axis + 1);
        require(length >= 1 && (axis < 3 || length == 1), ExitCode::kBadInput,
                "{}: axis {} has length {}: only one volume of three axes is read", what, axis + 1, length);
        if (axis < 3) {
            size[axis] = length;
        }
    }
    return size;
}

Affine affine_of_sform(NiftiFields const& fields) {
    Affine affine{};
    for (std::size_t row = 0; row < 3; ++row) {
        for (std::size_t column = 0; column < 3; ++column) {
            affine[row][column] = fields.real(fields.layout().srow, 4 * row + column);
        }
    }
    return affine;
}

/// Rotation of the unit quaternion (a, b, c, d) with a >= 0, columns scaled by pixdim; pixdim[0] is the
/// third's sign.
Affine affine_of_qform(NiftiFields const& fields) {
    double const b = fields.real(fields.layout().quaternion, 0);
    double const c = fields.real(fields.layout().quaternion, 1);
    double const d = fields.real(fields.layout().quaternion, 2);
    double const a = std::sqrt(std::max(0.0, 1.0 - (b * b + c * c + d * d)));
    Affine affine = {{{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                      {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                      {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}}};
    double const handedness = fields.real(fields.layout().pixdim, 0) < 0.0 ? -1.0 : 1.0;
    for (std::size_t column = 0; column < 3; ++column) {
        double const scale =
            fields.real(fields.layout().pixdim, column + 1) * (column == 2 ? handedness : 1.0);
        for (auto& row : affine) {
            row[column] *= scale;
        }
    }
    return affine;
}

/// Whether (b, c, d) can be part of a unit quaternion, but for rounding; not so with NaN and infinity.
bool has_rotation(NiftiFields const& fields) {
    double sum_of_squares = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
        sum_of_squares += std::pow(fields.real(fields.layout().quaternion, i), 2);
    }
    return sum_of_squares <= 1.0 + kMaxQuaternionExcess;
}

double mm_per_unit(std::int64_t units, std::string const& what) {
    switch (units & 7) {  // the rest are units of time
        case 0:           // not said: mm, as everywhere in CT
        case 2:
            return 1.0;
        case 1:
            return 1000.0;
        case 3:
            return 0.001;
        default:
            break;
    }
    fail(ExitCode::kBadInput, "{}: unknown unit of length {}", what, units & 7);
}

/// Where a voxel axis of the file goes, RAS mm a voxel.
struct Direction {
    std::array<double, 3> step{};

    double length() const { return std::hypot(step[0], step[1], step[2]); }
    bool is_usable() const { return std::isfinite(length()) && length() > 0.0; }
    /// The patient's axis that it is nearest to.
    std::size_t world_axis() const {
        return static_cast<std::size_t>(
            std::ranges::max_element(step, {}, [](double x) { return std::fabs(x); }) - step.begin());
    }
    double along_world_axis() const { return step[world_axis()]; }
    /// The side of the patient that it runs towards: R(ight), L, A(nterior), P, S(uperior), I.
    char side() const { return (along_world_axis() > 0.0 ? "RAS" : "LPI")[world_axis()]; }
};

std::array<Direction, 3> directions_of(Affine const& affine) {
    std::array<Direction, 3> directions;
    for (std::size_t column = 0; column < 3; ++column) {
        directions[column].step = {affine[0][column], affine[1][column], affine[2][column]};
    }
    return directions;
}

std::string sides_of(std::array<Direction, 3> const& directions) {
    return {directions[0].side(), directions[1].side(), directions[2].side()};
}

double degrees_between(Direction const& a, Direction const& b) {
    double const product = a.step[0] * b.step[0] + a.step[1] * b.step[1] + a.step[2] * b.step[2];
    return std::acos(std::clamp(product / (a.length() * b.length()), -1.0, 1.0)) * 180.0 / std::numbers::pi;
}

/// Nothing where they agree, or where the qform says nothing usable.
std::optional<std::string> conflict_between(std::array<Direction, 3> const& sform,
                                            std::array<Direction, 3> const& qform) {
    double degrees = 0.0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        if (!qform[axis].is_usable()) {
            return std::nullopt;
        }
        degrees = std::max(degrees, degrees_between(sform[axis], qform[axis]));
    }
    if (degrees <= kMaxTiltDegrees) {
        return std::nullopt;
    }
    return fmt::format("its axes run to {} by the sform, but to {} by the qform ({:.0f} degrees apart)",
                       sides_of(sform), sides_of(qform), degrees);
}

std::array<NiftiAxis, 3> axes_of(std::array<Direction, 3> const& directions, double mm,
                                 std::string const& what) {
    std::array<NiftiAxis, 3> axes{};
    std::array<bool, 3> is_taken{};
    for (std::size_t column = 0; column < 3; ++column) {
        Direction const& direction = directions[column];
        require(direction.is_usable(), ExitCode::kBadInput,
                "{}: the orientation has no usable direction for axis {}", what, column + 1);
        std::size_t const world = direction.world_axis();
        Direction nearest;
        nearest.step[world] = direction.along_world_axis();
        double const tilt = degrees_between(direction, nearest);
        require(
            tilt <= kMaxTiltDegrees && !is_taken[world], ExitCode::kBadInput,
            "{}: axis {} lies oblique in the patient ({:.1f} degrees off the nearest axis, at most {} are "
            "accepted). Resample it along the patient's axes first",
            what, column + 1, tilt, kMaxTiltDegrees);
        is_taken[world] = true;
        bool const is_towards_lps = std::string_view("LPS").find(direction.side()) != std::string_view::npos;
        axes[world] = {column, !is_towards_lps, direction.length() * mm};
    }
    return axes;
}

void read_orientation(NiftiFields const& fields, NiftiHeader& header, std::string const& what) {
    bool const has_sform = fields.code(fields.layout().sform_code) > 0;
    bool const has_qform = fields.code(fields.layout().qform_code) > 0;
    require(has_sform || has_qform, ExitCode::kBadInput,
            "{}: neither sform nor qform is set: nobody knows which way the patient lies", what);
    bool const is_qform_lost = has_qform && !has_rotation(fields);
    require(
        has_sform || !is_qform_lost, ExitCode::kBadInput,
        "{}: its qform is set, but the quaternion is no rotation, and there is no sform: nobody knows which way the "
        "patient lies. Correct the header",
        what);
    std::array<Direction, 3> const qform = directions_of(affine_of_qform(fields));
    std::array<Direction, 3> const directions = has_sform ? directions_of(affine_of_sform(fields)) : qform;
    header.axes = axes_of(directions, mm_per_unit(fields.units(), what), what);
    header.orientation = sides_of(directions);
    if (is_qform_lost) {
        header.orientation_conflict =
            fmt::format("its axes run to {} by the sform, but its qform is set to a quaternion that is no rotation",
                        header.orientation);
    } else if (has_sform && has_qform) {
        header.orientation_conflict = conflict_between(directions, qform);
    }
}

/// nibabel's rule: a slope that is 0 or not finite means that voxels are what they are.
void read_scaling(NiftiFields const& fields, NiftiHeader& header, std::string const& what) {
    double const slope = fields.real(fields.layout().slope);
    double const intercept = fields.real(fields.layout().intercept);
    if (slope == 0.0 || !std::isfinite(slope)) {
        return;
    }
    require(std::isfinite(intercept), ExitCode::kBadInput, "{}: scl_slope {} and scl_inter {} are no scaling",
            what, slope, intercept);
    header.slope = slope;
    header.intercept = intercept;
}

}  // namespace

NiftiHeader parse_nifti_header(std::span<std::byte const> prefix, std::string const& what) {
    NiftiHeader header;
    NiftiFields const fields = open_header(prefix, what, header.is_big_endian);
    header.type = type_of(fields.at<std::int16_t>(fields.layout().datatype), what);
    require_bits_of(header.type, fields, what);
    header.size = size_of(fields, what);
    read_orientation(fields, header, what);
    read_scaling(fields, header, what);
    double const offset = fields.data_offset();
    auto const least = static_cast<double>(fields.layout().is_version_2 ? kNifti2Bytes : kNifti1Bytes);
    require(offset >= least && offset <= 1e9 && offset == std::floor(offset), ExitCode::kBadInput,
            "{}: the voxels cannot start at byte {}", what, offset);
    header.data_offset = static_cast<std::uint64_t>(offset);
    auto const num_voxels =
        static_cast<std::uint64_t>(element_count({header.size[0], header.size[1], header.size[2]}));
    require(num_voxels <= std::numeric_limits<std::int64_t>::max() / item_size_bytes(header.type),
            ExitCode::kBadInput, "{}: {} x {} x {} voxels are too many", what, header.size[0], header.size[1],
            header.size[2]);
    header.data_bytes = num_voxels * item_size_bytes(header.type);
    return header;
}

}  // namespace ctclip
