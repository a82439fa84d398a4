/// A sequence of random numbers for one purpose of one phantom.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string_view>

#include "base/splitmix64.hpp"
#include "phantom/vec3.hpp"

namespace ctclip {

/// A pure function of (seed, purpose): adding a draw to one purpose moves no other part of the picture.
class RandomStream {
  public:
    RandomStream(std::uint64_t seed, std::string_view purpose) : seed_(derive_seed(seed, purpose)) {}

    std::uint64_t bits() { return splitmix64(seed_, num_drawn_++); }
    double unit() { return to_unit(bits()); }  ///< [0, 1)
    float uniform(float low, float high) { return low + (high - low) * static_cast<float>(unit()); }
    bool chance(double probability) { return unit() < probability; }
    /// [0, count)
    std::size_t below(std::size_t count) {
        return static_cast<std::size_t>(unit() * static_cast<double>(count));
    }
    /// [low, high], both included.
    int between(int low, int high) {
        return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1)));
    }
    template <class Container>
    auto const& pick(Container const& choices) {
        return choices[below(choices.size())];
    }

    float normal() {
        double const radius = std::sqrt(-2.0 * std::log(1.0 - unit()));
        return static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * unit()));
    }
    /// Uniform on the unit sphere.
    Vec3 direction() {
        float const z = uniform(-1.0F, 1.0F);
        float const angle = uniform(0.0F, 2.0F * std::numbers::pi_v<float>);
        float const radius = std::sqrt(1.0F - z * z);
        return {radius * std::cos(angle), radius * std::sin(angle), z};
    }

  private:
    std::uint64_t seed_;
    std::uint64_t num_drawn_ = 0;
};

}  // namespace ctclip
