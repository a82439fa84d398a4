/// The folder that a conversion writes to: what it may hold, and what of it is finished.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "convert/convert_plan.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

std::filesystem::path plan_path(std::filesystem::path const& output);

/// The output folder, and the one that belongs in it. Changes nothing.
/// @throws Error kCannotCreate if something else has their name, or of one above; kNoPermission.
void require_folders_can_be(ConvertOptions const& options);

/// The plan that an earlier run left, held against these options; nothing in a folder without plan.
/// @throws Error kBadConfig for other settings, kCannotCreate if there are shards but no plan, kBadInput for a damaged
///         plan or shards that it does not have: whoever reads the folder later reads all shards in it.
std::optional<ConvertPlan> find_plan(ConvertOptions const& options);

/// The sidecar of a shard that is there. Every byte of the shard is the one on record, and every planned position of it a
/// sample or a quarantined study, and nothing else is in it. @throws Error kBadInput, kIoError.
/// @param plan_sha256  of `plan`.
ShardSidecar read_finished(std::filesystem::path const& shard_path, ConvertPlan const& plan, PlannedShard const& shard,
                           std::string const& plan_sha256);

/// The same for a conversion that goes on: what is damaged, or of another plan, is never overwritten, and it says so.
ShardSidecar require_finished(std::filesystem::path const& shard_path, ConvertPlan const& plan,
                              PlannedShard const& shard, std::string const& plan_sha256);

}  // namespace ctclip
