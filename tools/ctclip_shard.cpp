// ctclip-shard: looks into, checks and indexes WebDataset shards, ours and others'.
#include "tools/ctclip_shard.hpp"

#include "shard/shard_index.hpp"

namespace ctclip {

std::vector<std::filesystem::path> shards_of(std::vector<std::filesystem::path> const& paths) {
    std::vector<std::filesystem::path> shards;
    for (std::filesystem::path const& path : paths) {
        if (std::filesystem::is_directory(path)) {
            auto const in_folder = list_shards(path);
            shards.insert(shards.end(), in_folder.begin(), in_folder.end());
        } else {
            shards.push_back(path);
        }
    }
    return shards;
}

}  // namespace ctclip

int main(int argc, char** argv) {
    return ctclip::run_tool(
        argc, argv,
        {"ctclip-shard",
         "looks into, checks and indexes WebDataset shards; deletes sources that are proven to be in them",
         {ctclip::shard_ls_command(), ctclip::shard_show_command(), ctclip::shard_verify_command(),
          ctclip::shard_stats_command(), ctclip::shard_index_command(), ctclip::shard_reap_command()}});
}
