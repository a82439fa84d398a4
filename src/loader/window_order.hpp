/// An order for storage that is slow at jumping about: disks that turn, object stores. Groups of samples that
/// lie together (shards) come in permuted order; within a window of consecutive groups, samples are permuted.
/// At any time a run therefore reads from the few groups of one window only.
///
/// A window takes one group after the other as long as their bytes together fit; a group that alone is larger
/// is a window of its own. With key k:
///
///     groups come in the order       KeyedPermutation(number of groups, derive_seed(k, "groups"))
///     samples of window w = 0, 1...  KeyedPermutation(its size, splitmix64(derive_seed(k, "windows"), w))
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ctclip {

/// Consecutive samples of a dataset that lie together, such as a shard.
struct SampleGroup {
    std::int64_t num_samples = 0;
    std::uint64_t size_bytes = 0;
};

/// Memory and the cost of making it grow with the number of groups, not of samples.
class WindowOrder {
  public:
    WindowOrder(std::span<SampleGroup const> groups, std::uint64_t window_bytes, std::uint64_t key);

    /// The dataset index of the sample at `position`.
    std::int64_t at(std::int64_t position) const;

  private:
    /// All groups laid end to end in their permuted order: `first_place` is where this one begins there.
    struct PlacedGroup {
        std::int64_t first_place;
        std::int64_t first_index;  // in the dataset
    };
    struct Window {
        std::int64_t first_place;
        std::int64_t num_samples;
        std::uint64_t key;
    };

    std::vector<PlacedGroup> groups_;
    std::vector<Window> windows_;
};

}  // namespace ctclip
