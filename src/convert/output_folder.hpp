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
/// @throws Error kBadConfig for other settings, kCannotCreate if there are shards but no plan (they are not
/// ours, and
///         would be overwritten), kBadInput for a damaged plan.
std::optional<ConvertPlan> find_plan(ConvertOptions const& options);

/// A shard that is there must be finished: every byte of it the one on record for this plan. One that is damaged, or of
/// another plan, is never overwritten: @throws Error kBadInput. Returns its sidecar.
ShardSidecar require_finished(std::filesystem::path const& shard_path, std::string const& plan_sha256);

}  // namespace ctclip
