#include "loader/keyed_permutation.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

/// Uniform in [0, bound) but for a bias below bound / 2^64.
std::uint64_t below(std::uint64_t bound, std::uint64_t random_bits) {
    __extension__ using Product = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Product>(random_bits) * bound) >> 64);
}

bool coin(std::uint64_t round_key, std::uint64_t pair) {
    return splitmix64(round_key, pair) >> 63 != 0;
}

}  // namespace

KeyedPermutation::KeyedPermutation(std::int64_t size, std::uint64_t key)
    : size_(static_cast<std::uint64_t>(size)) {
    for (std::size_t round = 0; round < kNumRounds; ++round) {
        std::uint64_t const round_key = splitmix64(key, round);
        rounds_[round] = {round_key, below(size_, round_key)};
    }
}

std::int64_t KeyedPermutation::at(std::int64_t position) const {
    CTCLIP_EXPECT(position >= 0 && position < size());
    auto x = static_cast<std::uint64_t>(position);
    for (Round const& round : rounds_) {
        std::uint64_t const partner = round.pivot >= x ? round.pivot - x : round.pivot + size_ - x;
        x = coin(round.key, std::max(x, partner)) ? partner : x;
    }
    return static_cast<std::int64_t>(x);
}

}  // namespace ctclip
