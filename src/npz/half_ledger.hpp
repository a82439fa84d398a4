/// Keeps HalfStatistics while a volume is converted block by block, at the speed of the conversion itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace ctclip {

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
    /// @param values  as stored.    @param halves  what they became. Blocks that fit the first cache are
    /// fastest.
    void add(std::span<double const> values, std::span<std::uint16_t const> halves);
    void add(std::span<float const> values, std::span<std::uint16_t const> halves);

    /// All but first_not_finite, which depends on the order of the voxels.
    HalfStatistics const& statistics() const { return statistics_; }

  private:
    template <class T>
    void add_block(BlockSums const& sums, std::span<T const> values, std::span<std::uint16_t const> halves);

    HalfStatistics statistics_;
};

}  // namespace ctclip
