#include "convert/conversion_summary.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/byte_units.hpp"
#include "base/digest.hpp"
#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/json_number.hpp"
#include "base/untrusted_json.hpp"
#include "shard/python_json.hpp"
#include "shard/shard_set.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

constexpr char const* kSchema = "ctclip.conversion/2";

/// Calls `use(shards, path)` with the list in conversion.json, if there is one.
template <class Use>
void for_record(std::filesystem::path const& folder, Use const& use) {
    std::filesystem::path const path = folder / kSummaryName;
    if (!std::filesystem::exists(path)) {
        return;
    }
    nlohmann::json const object = parse_untrusted_json(read_text_file(path), path.string());
    try {
        require(object.at("schema") == kSchema, ExitCode::kBadInput,
                "{}: its schema is not {} (another version of ctclip wrote it). Convert again, into another folder.",
                path.string(), kSchema);
        use(object.at("shards"), path);
    } catch (nlohmann::json::exception const& error) {
        fail(ExitCode::kBadInput, "{} is no conversion summary ({})", path.string(), error.what());
    }
}

void require_index_on_record(nlohmann::json const& shard, std::filesystem::path const& shard_path,
                             std::filesystem::path const& record_path) {
    std::filesystem::path const index = sidecar_path(shard_path);
    require(
        shard.at("index_sha256") == sha256_hex(read_file(index)) &&
            shard.at("fsverity_sha256") == read_sidecar(shard_path).fsverity_sha256,
        ExitCode::kBadInput,
        "{}: not the index on record in {} (it was damaged or changed). Restore it, or move it and its shard away and "
        "convert again",
        index.string(), record_path.string());
}

double ratio(std::uint64_t before, std::uint64_t after) {
    return after == 0 ? 0.0 : static_cast<double>(before) / static_cast<double>(after);
}

std::string size_text(std::uint64_t num_bytes) {
    double const mib = static_cast<double>(num_bytes) / kBytesPerMiB;
    return mib < 1024.0 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{:.2f} GiB", mib / 1024.0);
}

}  // namespace

double ConversionSummary::logical_ratio() const {
    return ratio(source_array_bytes, volume_bytes);
}
double ConversionSummary::on_disk_ratio() const {
    return ratio(source_file_bytes, shard_bytes);
}

void ConversionSummary::add(ShardSidecar const& sidecar) {
    shards.push_back({sidecar.shard_name, sidecar.size_bytes, sidecar.fsverity_sha256,
                      sha256_hex(encode_sidecar(sidecar)), sidecar.samples.size(), sidecar.payload_bytes()});
    num_samples += sidecar.samples.size();
    num_quarantined += sidecar.quarantined.size();
    shard_bytes += sidecar.size_bytes;
    for (SidecarSample const& sample : sidecar.samples) {
        if (ShardMember const* const volume = sample.sample.find("bin")) {
            volume_bytes += volume->size_bytes;
        }
        if (sample.conversion) {
            HalfStatistics const& ledger = sample.conversion->ledger;
            source_array_bytes += sample.conversion->source_array_bytes();
            source_file_bytes += sample.conversion->source_size_bytes;
            min = std::min(min, ledger.min);
            max = std::max(max, ledger.max);
            num_inexact += ledger.num_inexact;
            num_saturated += ledger.num_out_of_range;
            worst_abs_error = std::max(worst_abs_error, ledger.worst_abs_error);
        }
    }
}

ConversionSummary summarise(ConvertPlan const& plan, std::filesystem::path const& output) {
    ConversionSummary summary;
    summary.samples_per_shard = plan.samples_per_shard();
    for (PlannedShard const& shard : plan.shards()) {
        summary.add(read_sidecar(output / shard_name(shard.shard_index)));
    }
    return summary;
}

std::string encode_manifest(ConversionSummary const& summary) {
    double total_mb = 0.0;
    for (ShardSummary const& shard : summary.shards) {
        total_mb += static_cast<double>(shard.payload_bytes) / kBytesPerMiB;
    }
    double const average_mb =
        summary.num_samples == 0 ? 0.0 : total_mb / static_cast<double>(summary.num_samples);
    return fmt::format(
        "{{\n  \"num_shards\": {},\n  \"samples_per_shard\": {},\n  \"total_samples\": {},\n"
        "  \"total_size_mb\": {},\n  \"total_size_gb\": {},\n  \"average_sample_size_mb\": {}\n}}",
        summary.shards.size(), summary.samples_per_shard, summary.num_samples, python_number(total_mb),
        python_number(total_mb / 1024.0), python_number(average_mb));
}

std::string encode_summary(ConversionSummary const& summary, ConvertPlan const& plan) {
    ordered_json shards = ordered_json::array();
    for (ShardSummary const& shard : summary.shards) {
        shards.push_back({{"name", shard.name},
                          {"samples", shard.num_samples},
                          {"size", shard.size_bytes},
                          {"fsverity_sha256", shard.fsverity_sha256},
                          {"index_sha256", shard.sidecar_sha256}});
    }
    ordered_json const object = {{"schema", kSchema},
                                 {"plan_sha256", plan.sha256()},
                                 {"samples", summary.num_samples},
                                 {"quarantined", summary.num_quarantined},
                                 {"unmatched_volumes", plan.unmatched_volumes().size()},
                                 {"studies_without_volume", plan.studies_without_volume().size()},
                                 {"source_array_bytes", summary.source_array_bytes},
                                 {"source_file_bytes", summary.source_file_bytes},
                                 {"volume_bytes", summary.volume_bytes},
                                 {"shard_bytes", summary.shard_bytes},
                                 {"compression_ratio_logical", summary.logical_ratio()},
                                 {"compression_ratio_on_disk", summary.on_disk_ratio()},
                                 {"ledger",
                                  {{"min", json_number_or_text(summary.min)},
                                   {"max", json_number_or_text(summary.max)},
                                   {"inexact_voxels", summary.num_inexact},
                                   {"worst_abs_error", summary.worst_abs_error},
                                   {"saturated_voxels", summary.num_saturated}}},
                                 {"shards", std::move(shards)}};
    return object.dump(1) + "\n";
}

void require_conversion_agrees(std::filesystem::path const& folder,
                               std::vector<std::filesystem::path> const& shard_paths) {
    for_record(folder, [&](nlohmann::json const& shards, std::filesystem::path const& path) {
        require(shards.size() == shard_paths.size(), ExitCode::kBadInput,
                "{} lists {} shards, but {} are there", path.string(), shards.size(), shard_paths.size());
        for (std::size_t i = 0; i < shard_paths.size(); ++i) {
            require(shards[i].at("name") == shard_paths[i].filename().string(), ExitCode::kBadInput,
                    "{}: not the shard on record in {}", shard_paths[i].string(), path.string());
            require_index_on_record(shards[i], shard_paths[i], path);
        }
    });
}

void require_indexes_on_record(std::filesystem::path const& folder) {
    for_record(folder, [&](nlohmann::json const& shards, std::filesystem::path const& path) {
        for (nlohmann::json const& shard : shards) {
            std::filesystem::path const shard_path = folder / shard.at("name").get<std::string>();
            if (std::filesystem::exists(sidecar_path(shard_path))) {
                require_index_on_record(shard, shard_path, path);
            }
        }
    });
}

void forget_missing_shards(std::filesystem::path const& folder) {
    std::filesystem::path const path = folder / kSummaryName;
    if (!std::filesystem::exists(path)) {
        return;
    }
    nlohmann::ordered_json record = nlohmann::ordered_json::parse(read_text_file(path));
    auto& shards = record.at("shards");
    std::size_t const num_before = shards.size();
    std::erase_if(shards.get_ref<nlohmann::ordered_json::array_t&>(), [&](auto const& shard) {
        return !std::filesystem::exists(folder / shard.at("name").template get<std::string>());
    });
    if (shards.size() < num_before) {
        write_durably(path, record.dump(1) + "\n", IfExists::kReplace);
        std::filesystem::remove(folder / kManifestName);
    }
}

std::string summary_text(ConversionSummary const& summary) {
    return fmt::format(
        "{} volumes in {} shards, {} quarantined\n"
        "  compression, logical: {} of arrays -> {} of float16: {:.2f}x\n"
        "  compression, on disk: {} of sources -> {} of shards: {:.2f}x\n"
        "  rounded voxels: {}, worst error {}; saturated voxels: {}; values from {} to {}\n",
        summary.num_samples, summary.shards.size(), summary.num_quarantined, size_text(summary.source_array_bytes),
        size_text(summary.volume_bytes), summary.logical_ratio(), size_text(summary.source_file_bytes),
        size_text(summary.shard_bytes), summary.on_disk_ratio(), summary.num_inexact, summary.worst_abs_error,
        summary.num_saturated, summary.min, summary.max);
}

}  // namespace ctclip
