#include "loader/sample_order.hpp"

#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

/// Uniform in [0, bound) but for a bias below bound / 2^64.
std::uint64_t below(std::uint64_t bound, std::uint64_t random_bits) {
    __extension__ using Product = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Product>(random_bits) * bound) >> 64);
}

}  // namespace

SampleOrder::SampleOrder(std::int64_t num_samples, SampleShuffle shuffle, std::uint64_t seed,
                         std::int64_t epoch)
    : num_samples_(num_samples) {
    if (shuffle == SampleShuffle::kNone) {
        return;
    }
    std::uint64_t const key =
        splitmix64(derive_seed(seed, "sample order"), static_cast<std::uint64_t>(epoch));
    indices_.resize(static_cast<std::size_t>(num_samples));
    std::iota(indices_.begin(), indices_.end(), std::int64_t{0});
    for (std::size_t last = indices_.size(); last > 1; --last) {  // Fisher and Yates
        std::swap(indices_[last - 1], indices_[below(last, splitmix64(key, last))]);
    }
}

std::int64_t SampleOrder::at(std::int64_t position) const {
    CTCLIP_EXPECT(position >= 0 && position < num_samples_);
    return indices_.empty() ? position : indices_[static_cast<std::size_t>(position)];
}

}  // namespace ctclip
