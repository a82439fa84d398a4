#include "loader/window_order.hpp"

#include <algorithm>
#include <iterator>

#include "base/splitmix64.hpp"
#include "loader/keyed_permutation.hpp"

namespace ctclip {
namespace {

/// The last of `parts` that begins at or before `place`.
template <class Part>
Part const& part_of(std::vector<Part> const& parts, std::int64_t place) {
    return *std::prev(std::ranges::upper_bound(parts, place, {}, &Part::first_place));
}

std::vector<std::int64_t> first_indices(std::span<SampleGroup const> groups) {
    std::vector<std::int64_t> firsts;
    std::int64_t next = 0;
    for (SampleGroup const& group : groups) {
        firsts.push_back(next);
        next += group.num_samples;
    }
    return firsts;
}

}  // namespace

WindowOrder::WindowOrder(std::span<SampleGroup const> groups, std::uint64_t window_bytes, std::uint64_t key) {
    std::vector<std::int64_t> const first_index = first_indices(groups);
    KeyedPermutation const order(std::ssize(groups), derive_seed(key, "groups"));
    std::uint64_t const windows_key = derive_seed(key, "windows");
    std::int64_t next_place = 0;
    std::uint64_t bytes_left = 0;
    for (std::int64_t rank = 0; rank < order.size(); ++rank) {
        auto const index = static_cast<std::size_t>(order.at(rank));
        SampleGroup const& group = groups[index];
        if (windows_.empty() || group.size_bytes > bytes_left) {
            windows_.push_back({next_place, 0, splitmix64(windows_key, windows_.size())});
            bytes_left = std::max(window_bytes, group.size_bytes);
        }
        bytes_left -= group.size_bytes;
        windows_.back().num_samples += group.num_samples;
        groups_.push_back({next_place, first_index[index]});
        next_place += group.num_samples;
    }
}

std::int64_t WindowOrder::at(std::int64_t position) const {
    Window const& window = part_of(windows_, position);
    KeyedPermutation const order(window.num_samples, window.key);
    std::int64_t const place = window.first_place + order.at(position - window.first_place);
    PlacedGroup const& group = part_of(groups_, place);
    return group.first_index + (place - group.first_place);
}

}  // namespace ctclip
