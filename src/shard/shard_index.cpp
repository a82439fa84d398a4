#include "shard/shard_index.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/error.hpp"
#include "shard/python_json.hpp"
#include "shard/sidecar.hpp"
#include "shard/tar_walk.hpp"

namespace ctclip {
namespace {

/// A member's name as webdataset takes it apart: "dir/KEY.suffix".
struct SplitName {
    std::string key;
    std::string suffix;
};

/// Nothing for the names that webdataset skips: without a dot behind at least one character, and "__x__".
std::optional<SplitName> split_name(std::string const& name) {
    std::size_t const base = name.find_last_of('/') + 1;  // npos + 1 is 0
    std::size_t const dot = name.find('.', base);
    bool const is_special = base == 0 && name.starts_with("__") && name.ends_with("__");
    if (dot == std::string::npos || dot == base || is_special) {
        return std::nullopt;
    }
    SplitName split{name.substr(0, dot), name.substr(dot + 1)};
    std::transform(split.suffix.begin(), split.suffix.end(), split.suffix.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return split;
}

std::vector<ShardSample> group_members(std::vector<TarMember> const& members,
                                       std::filesystem::path const& path) {
    std::vector<ShardSample> samples;
    std::unordered_set<std::string> keys;
    for (TarMember const& member : members) {
        auto split = split_name(member.name);
        if (!split) {
            continue;
        }
        if (samples.empty() || samples.back().key != split->key) {
            require(
                keys.insert(split->key).second, ExitCode::kBadInput,
                "{}: the members of sample {} are not together (two samples share a key, or are interleaved)",
                path.string(), python_string(split->key));
            samples.push_back({split->key, {}});
        }
        require(samples.back().find(split->suffix) == nullptr, ExitCode::kBadInput,
                "{}: member {} is there twice", path.string(), python_string(member.name));
        samples.back().members.push_back(
            {member.name, std::move(split->suffix), member.data_offset, member.size_bytes, std::nullopt});
    }
    return samples;
}

}  // namespace

ShardMember const* ShardSample::find(std::string_view suffix) const {
    auto const found = std::find_if(members.begin(), members.end(),
                                    [&](ShardMember const& member) { return member.suffix == suffix; });
    return found == members.end() ? nullptr : &*found;
}

ShardIndex walk_shard(std::filesystem::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    TarListing const listing = walk_tar(file, path);
    return {path, listing.file_size_bytes, group_members(listing.members, path)};
}

ShardIndex index_shard(std::filesystem::path const& path) {
    if (!std::filesystem::exists(sidecar_path(path))) {
        return walk_shard(path);
    }
    ShardSidecar sidecar = read_sidecar(path);
    FileDescriptor const file = open_for_reading(path);
    std::uint64_t const size_bytes = file_size_bytes(file, path);
    require(size_bytes == sidecar.size_bytes, ExitCode::kBadInput,
            "{} has {} bytes, but {} says {} (it is truncated, or not the shard that was indexed)",
            path.string(), size_bytes, sidecar_path(path).filename().string(), sidecar.size_bytes);
    ShardIndex index{path, size_bytes, {}};
    for (SidecarSample& sample : sidecar.samples) {
        index.samples.push_back(std::move(sample.sample));
    }
    return index;
}

bool is_shard_file(std::filesystem::directory_entry const& entry) {
    std::string const name = entry.path().filename().string();
    return entry.is_regular_file() && name.ends_with(".tar") && !name.starts_with('.');
}

std::vector<std::filesystem::path> list_shards(std::filesystem::path const& folder) {
    require(std::filesystem::is_directory(folder), ExitCode::kBadInput, "{}: no such folder",
            folder.string());
    std::vector<std::filesystem::path> shards;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        if (is_shard_file(entry)) {
            shards.push_back(entry.path());
        }
    }
    require(!shards.empty(), ExitCode::kBadInput, "{}: no shard (*.tar) in this folder", folder.string());
    std::sort(shards.begin(), shards.end(),
              [](auto const& a, auto const& b) { return a.filename().native() < b.filename().native(); });
    return shards;
}

}  // namespace ctclip
