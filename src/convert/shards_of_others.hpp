/// Shards of other ranks, for the progress that rank 0 shows: counted when their files appear.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "convert/convert_plan.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

class ShardsOfOthers {
  public:
    /// Those that are not there yet; on other ranks than 0 none: looking for them costs the file system.
    ShardsOfOthers(ConvertPlan const& plan, Communicator const& communicator, std::filesystem::path const& output);

    /// Looks at most once in a few seconds. @return studies in shards that have appeared since.
    std::int64_t count_new_studies();
    std::int64_t num_studies_waited_for() const;

  private:
    void add_unless_there(PlannedShard const& shard, std::filesystem::path path);

    std::vector<std::pair<std::filesystem::path, std::int64_t>> waited_for_;
    std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();
};

}  // namespace ctclip
