/// Voxels of any stored type -> fp16 (base/half.hpp), and in the same pass the statistics of what that did to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace ctclip {

/// A voxel of a fp16 source.
struct StoredHalf {
    std::uint16_t bits;
};

/// What conversion to fp16 did to a volume. Ranges are over the voxels that are not NaN, in the source's own
/// units.
struct HalfStatistics {
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    std::int64_t num_nan = 0;
    std::int64_t num_out_of_range = 0;             ///< infinite in fp16: |v| >= 65520, infinities among them
    std::int64_t num_inexact = 0;                  ///< finite in fp16, but not equal to the source
    double worst_abs_error = 0.0;                  ///< over the voxels that are finite in fp16
    std::optional<std::int64_t> first_not_finite;  ///< C-order index of the first NaN or infinite fp16 voxel
};

/// What a whole block adds; defined where it is computed.
struct BlockSums;

class HalfLedger {
  public:
    /// out[i] becomes half_from(values[i]), bit for bit, on every instruction set; fp16 is copied as it is.
    /// @param out  as many; must not overlap.
    void convert(std::span<double const> values, std::span<std::uint16_t> out);
    void convert(std::span<float const> values, std::span<std::uint16_t> out);
    void convert(std::span<StoredHalf const> values, std::span<std::uint16_t> out);
    void convert(std::span<std::int32_t const> values, std::span<std::uint16_t> out);
    void convert(std::span<std::int16_t const> values, std::span<std::uint16_t> out);
    void convert(std::span<std::int8_t const> values, std::span<std::uint16_t> out);
    void convert(std::span<std::uint16_t const> values, std::span<std::uint16_t> out);
    void convert(std::span<std::uint8_t const> values, std::span<std::uint16_t> out);

    /// All but first_not_finite, which depends on the order of the voxels.
    HalfStatistics const& statistics() const { return statistics_; }

  private:
    template <class T>
    void convert_rest(BlockSums const& sums, std::span<T const> values, std::span<std::uint16_t> out);

    HalfStatistics statistics_;
};

/// "AVX3", "AVX2", "NEON" ... (Highway's names): what convert() uses on this processor.
std::string_view half_instruction_set();

}  // namespace ctclip
