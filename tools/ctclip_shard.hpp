/// The commands of ctclip-shard, one file each (ctclip_shard_<command>.cpp).
#pragma once

#include <filesystem>
#include <vector>

#include "tools/tool_frame.hpp"

namespace ctclip {

ToolCommand shard_ls_command();
ToolCommand shard_show_command();
ToolCommand shard_verify_command();
ToolCommand shard_stats_command();
ToolCommand shard_index_command();
ToolCommand shard_reap_command();

/// Shards as given, folders replaced by the *.tar files in them. @throws Error kBadInput.
std::vector<std::filesystem::path> shards_of(std::vector<std::filesystem::path> const& paths);

}  // namespace ctclip
