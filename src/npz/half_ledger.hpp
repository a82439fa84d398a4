/// Keeps HalfStatistics while a volume is converted block by block, at the speed of the conversion itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "npz/half_volume.hpp"

namespace ctclip {

class HalfLedger {
  public:
    static constexpr std::size_t kMaxBlock = 2048;

    HalfLedger();

    /// @param values  as stored, at most kMaxBlock of them.    @param halves  what they became.
    void add(std::span<double const> values, std::span<std::uint16_t const> halves);

    /// All but first_not_finite, which depends on the order of the voxels.
    HalfStatistics statistics() const;

  private:
    static constexpr std::size_t kLanes =
        8;  // independent sums, so that the compiler may use vector registers
    template <class T>
    using PerLane = std::array<T, kLanes>;

    struct Sums {
        void add(std::size_t lane, double value, double half);

        PerLane<double> min;
        PerLane<double> max;
        PerLane<double> worst_error;
        PerLane<std::int64_t> num_nan;
        PerLane<std::int64_t> num_not_finite;
        PerLane<std::int64_t> num_inexact;
    };
    static void accumulate(double const* values, float const* widened, std::size_t count, Sums& sums);

    Sums sums_;
};

}  // namespace ctclip
