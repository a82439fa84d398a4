/// Keeps HalfStatistics while a volume is converted block by block, at the speed of the conversion itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "npz/half_volume.hpp"

namespace ctclip {

class HalfLedger {
  public:
    /// @param values  as stored.    @param halves  what they became. Blocks that fit the first cache are
    /// fastest.
    void add(std::span<double const> values, std::span<std::uint16_t const> halves);

    /// All but first_not_finite, which depends on the order of the voxels.
    HalfStatistics const& statistics() const { return statistics_; }

  private:
    HalfStatistics statistics_;
};

}  // namespace ctclip
