#include "convert/shards_of_others.hpp"

#include <numeric>
#include <system_error>

#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLookInterval{5};

/// A file system that fails now and then delays a progress line, nothing else.
bool is_there(fs::path const& path) {
    std::error_code unknown;
    return fs::exists(path, unknown);
}

}  // namespace

ShardsOfOthers::ShardsOfOthers(ConvertPlan const& plan, Communicator const& communicator, fs::path const& output) {
    bool const is_shown_here = communicator.rank() == 0;
    for (int rank = 1; is_shown_here && rank < communicator.world_size(); ++rank) {
        for (PlannedShard const& shard : plan.shards_of_rank(rank, communicator.world_size())) {
            add_unless_there(shard, output / shard_name(shard.shard_index));
        }
    }
}

void ShardsOfOthers::add_unless_there(PlannedShard const& shard, fs::path path) {
    if (!is_there(path)) {
        waited_for_.emplace_back(std::move(path), static_cast<std::int64_t>(shard.num_studies));
    }
}

std::int64_t ShardsOfOthers::count_new_studies() {
    auto const now = std::chrono::steady_clock::now();
    if (now - last_look_ < kLookInterval) {
        return 0;
    }
    last_look_ = now;
    std::int64_t num_studies = 0;
    std::erase_if(waited_for_, [&](auto const& shard) {
        bool const has_appeared = is_there(shard.first);
        num_studies += has_appeared ? shard.second : 0;
        return has_appeared;
    });
    return num_studies;
}

std::int64_t ShardsOfOthers::num_studies_waited_for() const {
    return std::accumulate(waited_for_.begin(), waited_for_.end(), std::int64_t{0},
                           [](std::int64_t sum, auto const& shard) { return sum + shard.second; });
}

}  // namespace ctclip
