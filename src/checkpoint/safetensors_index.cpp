#include "checkpoint/safetensors_index.hpp"

#include <map>
#include <set>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "base/untrusted_json.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "checkpoint/tensor_name.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxIndexBytes = 100'000'000;

std::map<std::string, std::string> parse_weight_map(json const& index, std::string const& path) {
    require(index.is_object() && index.contains("weight_map"), ExitCode::kBadInput,
            "{}: weight_map is missing", path);
    json const& weight_map = index["weight_map"];
    require(weight_map.is_object(), ExitCode::kBadInput, "{}: weight_map is not an object", path);
    std::map<std::string, std::string> shard_of;
    for (auto const& [tensor, shard] : weight_map.items()) {
        check_name(tensor, path + ": tensor name");
        require(shard.is_string(), ExitCode::kBadInput, "{}: shard name of {} is not a string", path,
                printable(tensor));
        auto const& name = shard.get_ref<std::string const&>();
        check_name(name, path + ": shard name");
        bool const is_plain = name.find_first_of("/\\") == name.npos && name != "." && name != "..";
        require(is_plain, ExitCode::kBadInput, "{}: shard name {} leaves the folder of the index", path,
                printable(name));
        shard_of[tensor] = name;
    }
    require(!shard_of.empty(), ExitCode::kBadInput, "{}: weight_map names no tensor", path);
    return shard_of;
}

void check_total_size(json const& index, NamedArrays const& tensors, std::string const& path) {
    json const total = index.value("/metadata/total_size"_json_pointer, json());
    std::uint64_t bytes = 0;
    for (auto const& [name, array] : tensors) {
        bytes += array.bytes.size();
    }
    if (!total.is_null() && total != bytes) {
        log_warning("{}: total_size is {}, the tensors have {} bytes", path, total.dump(-1, ' ', true),
                    bytes);
    }
}

}  // namespace

NamedArrays read_safetensors_index(std::filesystem::path const& path) {
    json const index = parse_untrusted_json(read_text_file(path, kMaxIndexBytes), path.string() + ": index");
    auto const shard_of = parse_weight_map(index, path.string());
    std::set<std::string> shards;
    for (auto const& [tensor, shard] : shard_of) {
        shards.insert(shard);
    }
    NamedArrays tensors;
    for (std::string const& shard : shards) {
        for (auto& [name, array] : read_safetensors(path.parent_path() / shard)) {
            auto const named = shard_of.find(name);
            require(named != shard_of.end(), ExitCode::kBadInput,
                    "{}: tensor {} of {} is missing from the index", path.string(), printable(name), shard);
            require(named->second == shard, ExitCode::kBadInput,
                    "{}: tensor {} is in {}, the index says {} (or it occurs in two shards)", path.string(),
                    printable(name), shard, named->second);
            tensors.emplace(name, std::move(array));
        }
    }
    for (auto const& [tensor, shard] : shard_of) {
        require(tensors.contains(tensor), ExitCode::kBadInput, "{}: tensor {} is not in its shard {}",
                path.string(), printable(tensor), shard);
    }
    check_total_size(index, tensors, path.string());
    return tensors;
}

}  // namespace ctclip
