#include "shard/shard_set.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/untrusted_json.hpp"

namespace ctclip {
namespace {

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{64} << 20;

}  // namespace

void require_manifest_agrees(std::filesystem::path const& folder, std::size_t num_shards,
                             std::size_t num_samples) {
    std::filesystem::path const path = folder / "manifest.json";
    if (!std::filesystem::exists(path)) {
        return;
    }
    nlohmann::json const manifest =
        parse_untrusted_json(read_text_file(path, kMaxManifestBytes), path.string());
    bool const is_converters = manifest.is_object() && manifest.contains("num_shards") &&
                               manifest.contains("samples_per_shard") && manifest.contains("total_samples");
    if (!is_converters) {
        return;
    }
    require(manifest["num_shards"] == num_shards && manifest["total_samples"] == num_samples,
            ExitCode::kBadInput,
            "{} counts {} shards with {} samples, but {} shards with {} samples are there", path.string(),
            manifest["num_shards"].dump(), manifest["total_samples"].dump(), num_shards, num_samples);
}

}  // namespace ctclip
