#include "optim/replica_check.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

/// Sum of the bit patterns modulo 2^64: exact, and the same in whatever order a device adds.
at::Tensor bit_sum(at::Tensor const& tensor) {
    at::ScalarType const bits = tensor.element_size() == 8 ? at::kLong : at::kInt;
    return tensor.detach().reshape({-1}).view(bits).sum(at::kLong);
}

std::vector<std::int64_t> digests_of(NamedTensors const& tensors) {
    std::vector<at::Tensor> sums;
    for (auto const& [name, tensor] : tensors) {
        require(tensor.element_size() == 4 || tensor.element_size() == 8, ExitCode::kInternal,
                "{} has elements of {} bytes", name, tensor.element_size());
        sums.push_back(bit_sum(tensor));
    }
    at::Tensor const on_host = at::stack(sums).cpu();
    std::span<std::int64_t const> const values(on_host.const_data_ptr<std::int64_t>(), sums.size());
    return {values.begin(), values.end()};
}

/// Ranks whose value is not the most frequent one; all ranks if there is no majority.
std::vector<int> odd_ranks(std::vector<std::int64_t> const& by_rank) {
    std::map<std::int64_t, std::size_t> frequency;
    for (std::int64_t const value : by_rank) {
        ++frequency[value];
    }
    auto const most = std::max_element(frequency.begin(), frequency.end(),
                                       [](auto const& a, auto const& b) { return a.second < b.second; });
    bool const has_majority = 2 * most->second > by_rank.size();
    std::vector<int> ranks;
    for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
        if (!has_majority || by_rank[rank] != most->first) {
            ranks.push_back(static_cast<int>(rank));
        }
    }
    return ranks;
}

}  // namespace

void require_equal_replicas(NamedTensors const& tensors, Communicator& communicator, std::int64_t step) {
    if (tensors.empty() || communicator.world_size() == 1) {
        return;
    }
    std::vector<std::int64_t> const mine = digests_of(tensors);
    auto const num_ranks = static_cast<std::size_t>(communicator.world_size());
    std::vector<std::int64_t> all(mine.size() * num_ranks);
    communicator.all_gather(mine.data(), all.data(), mine.size() * sizeof(std::int64_t));

    for (std::size_t i = 0; i < mine.size(); ++i) {
        std::vector<std::int64_t> by_rank;
        for (std::size_t rank = 0; rank < num_ranks; ++rank) {
            by_rank.push_back(all[rank * mine.size() + i]);
        }
        bool const is_equal =
            std::adjacent_find(by_rank.begin(), by_rank.end(), std::not_equal_to<>()) == by_rank.end();
        require(is_equal, ExitCode::kTryAgain,
                "at step {} the ranks no longer hold the same {}: rank{} {} differ{} (a fault of memory or "
                "network; later weights are worthless). Go on from the last checkpoint, without the hosts of "
                "these ranks.",
                step, tensors[i].name, odd_ranks(by_rank).size() == 1 ? "" : "s",
                fmt::join(odd_ranks(by_rank), ", "), odd_ranks(by_rank).size() == 1 ? "s" : "");
    }
}

}  // namespace ctclip
