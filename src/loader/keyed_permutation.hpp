/// A permutation of 0 ... size - 1 that is computed, not stored: any position at any time, in memory that
/// does not grow with the size.
///
/// It is swap-or-not (Hoang, Morris, Rogaway: An Enciphering Scheme Based on a Card Shuffle, CRYPTO 2012).
/// Every round draws a pivot K, pairs each x with K - x modulo size, and tosses a coin for every pair: do the
/// two change places? Unlike a Feistel network it takes any size as it is, without cycle walking. Ethereum
/// shuffles its validators with the same 90 rounds (consensus-specs, compute_shuffled_index).
///
///     round_key(r) = splitmix64(key, r)
///     pivot(r)     = floor(round_key(r) * size / 2^64)
///     at(x)        = for r = 0 ... 89:  y = (pivot(r) - x) mod size
///                                       if the top bit of splitmix64(round_key(r), max(x, y)) is 1:  x = y
///
/// Orders of runs depend on this formula: it never changes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ctclip {

class KeyedPermutation {
  public:
    /// @param size  at least 0.
    KeyedPermutation(std::int64_t size, std::uint64_t key);

    std::int64_t size() const noexcept { return static_cast<std::int64_t>(size_); }
    /// @param position  in [0, size()).  @return in [0, size()), another one for each position.
    std::int64_t at(std::int64_t position) const;

  private:
    static constexpr std::size_t kNumRounds = 90;

    struct Round {
        std::uint64_t key;
        std::uint64_t pivot;
    };

    std::uint64_t size_;
    std::array<Round, kNumRounds> rounds_;
};

}  // namespace ctclip
