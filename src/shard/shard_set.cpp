#include "shard/shard_set.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/untrusted_json.hpp"

namespace ctclip {
namespace {

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{64} << 20;

/// Nothing if the folder has no manifest of a converter.
std::optional<nlohmann::json> read_manifest(std::filesystem::path const& path) {
    if (!std::filesystem::exists(path)) {
        return std::nullopt;
    }
    nlohmann::json manifest = parse_untrusted_json(read_text_file(path, kMaxManifestBytes), path.string());
    bool const is_converters = manifest.is_object() && manifest.contains("num_shards") &&
                               manifest.contains("samples_per_shard") && manifest.contains("total_samples");
    return is_converters ? std::optional(std::move(manifest)) : std::nullopt;
}

}  // namespace

void require_manifest_agrees(std::filesystem::path const& folder, std::size_t num_shards,
                             std::size_t num_samples) {
    std::filesystem::path const path = folder / kManifestName;
    std::optional<nlohmann::json> const manifest = read_manifest(path);
    if (!manifest) {
        bool const is_ours = std::filesystem::exists(folder / kPlanName) && std::filesystem::exists(path);
        require(!is_ours, ExitCode::kBadInput,
                "{} is no manifest of a converter (it is damaged). Move it away and convert again: it is written anew",
                path.string());
        return;
    }
    require((*manifest)["num_shards"] == num_shards && (*manifest)["total_samples"] == num_samples,
            ExitCode::kBadInput,
            "{} counts {} shards with {} samples, but {} shards with {} samples are there", path.string(),
            (*manifest)["num_shards"].dump(), (*manifest)["total_samples"].dump(), num_shards, num_samples);
}

std::string find_missing_shards(std::filesystem::path const& folder, std::size_t num_shards) {
    std::filesystem::path const path = folder / kManifestName;
    if (!std::filesystem::exists(path)) {
        bool const is_unfinished = std::filesystem::exists(folder / kPlanName);
        return is_unfinished ? fmt::format("the conversion that writes {} is not finished", folder.string()) : "";
    }
    try {
        std::optional<nlohmann::json> const manifest = read_manifest(path);
        return !manifest || (*manifest)["num_shards"] == num_shards
                   ? ""
                   : fmt::format("{} counts {} shards, but {} are there", path.string(),
                                 (*manifest)["num_shards"].dump(), num_shards);
    } catch (Error const& error) {
        return error.what();
    }
}

}  // namespace ctclip
