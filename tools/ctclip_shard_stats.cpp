// ctclip-shard stats: what a set of shards holds in all.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "shard/shard_reader.hpp"
#include "study/study_table.hpp"
#include "tools/ctclip_shard.hpp"

namespace ctclip {
namespace {

struct ShardStatsOptions {
    std::vector<std::filesystem::path> paths;
};

template <class T>
struct Range {
    T min{};
    T max{};
    bool is_empty = true;

    void add(T value) {
        min = is_empty ? value : std::min(min, value);
        max = is_empty ? value : std::max(max, value);
        is_empty = false;
    }
    nlohmann::json to_json() const { return is_empty ? nlohmann::json() : nlohmann::json::array({min, max}); }
};

struct Totals {
    std::size_t num_shards = 0;
    std::size_t num_samples = 0;
    std::size_t num_preprocessed = 0;
    std::size_t num_without_labels = 0;
    std::uint64_t shard_bytes = 0;
    std::uint64_t volume_bytes = 0;
    std::array<Range<std::int64_t>, 3> shape_xyz;
    Range<double> xy_spacing_mm;
    Range<double> z_spacing_mm;
    Range<std::size_t> report_bytes;
    std::map<std::pair<double, double>, std::size_t> rescales;  ///< (slope, intercept) -> samples
    std::array<std::size_t, kNumLabels> positives{};
};

void add_sample(ShardReader const& reader, ShardSample const& sample, Totals& totals) {
    SampleMetadata const metadata = reader.read_metadata(sample);
    ++totals.num_samples;
    totals.volume_bytes +=
        static_cast<std::uint64_t>(num_voxels(metadata.volume_shape)) * sizeof(std::uint16_t);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        totals.shape_xyz[axis].add(metadata.volume_shape[axis]);
    }
    if (metadata.layout == VolumeLayout::kPreprocessed) {
        ++totals.num_preprocessed;
    } else {
        totals.xy_spacing_mm.add(metadata.xy_spacing_mm);
        totals.z_spacing_mm.add(metadata.z_spacing_mm);
        ++totals.rescales[{metadata.rescale_slope, metadata.rescale_intercept}];
    }
    totals.report_bytes.add(reader.read_report(sample).size());
    std::vector<float> const labels = reader.read_labels(sample);
    totals.num_without_labels += labels.empty() ? 1 : 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        totals.positives.at(i) += labels[i] == 1.0F ? 1 : 0;
    }
}

nlohmann::json to_json(Totals const& totals) {
    nlohmann::json rescales = nlohmann::json::array();
    for (auto const& [rescale, count] : totals.rescales) {
        rescales.push_back({{"slope", rescale.first}, {"intercept", rescale.second}, {"samples", count}});
    }
    nlohmann::json positives = nlohmann::json::object();
    for (std::size_t i = 0; i < kNumLabels; ++i) {
        positives[std::string(kAbnormalityNames.at(i))] = totals.positives.at(i);
    }
    return {{"schema", "ctclip.shard.stats/1"},
            {"shards", totals.num_shards},
            {"samples", totals.num_samples},
            {"preprocessed_samples", totals.num_preprocessed},
            {"samples_without_labels", totals.num_without_labels},
            {"shard_bytes", totals.shard_bytes},
            {"volume_bytes", totals.volume_bytes},
            {"size_x", totals.shape_xyz[0].to_json()},
            {"size_y", totals.shape_xyz[1].to_json()},
            {"size_z", totals.shape_xyz[2].to_json()},
            {"xy_spacing_mm", totals.xy_spacing_mm.to_json()},
            {"z_spacing_mm", totals.z_spacing_mm.to_json()},
            {"report_bytes", totals.report_bytes.to_json()},
            {"rescale", std::move(rescales)},
            {"positive_labels", std::move(positives)}};
}

ExitCode print_stats(ToolContext& tool, ShardStatsOptions const& options) {
    Totals totals;
    auto const shards = shards_of(options.paths);
    Progress progress = tool.progress("stats", "shards", static_cast<std::int64_t>(shards.size()));
    for (std::filesystem::path const& path : shards) {
        ShardReader const reader(path);
        reader.require_complete_samples();
        ++totals.num_shards;
        totals.shard_bytes += reader.index().size_bytes;
        for (ShardSample const& sample : reader.index().samples) {
            add_sample(reader, sample, totals);
        }
        progress.advance();
    }
    progress.finish();
    nlohmann::json const object = to_json(totals);
    if (tool.is_json()) {
        tool.write_json(object);
        return ExitCode::kDone;
    }
    for (auto const& [name, value] : object.items()) {
        if (name == "positive_labels") {
            for (auto const& [label, count] : value.items()) {
                tool.print("  {:<36} {:>8} positive\n", label, count.get<std::size_t>());
            }
        } else if (name != "schema") {
            tool.print("{:<24} {}\n", name, value.dump());
        }
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand shard_stats_command() {
    return make_command<ShardStatsOptions>(
        "stats", "counts samples, sizes, spacings, rescales and labels",
        {{"ctclip-shard stats shards", "of a whole folder"}},
        [](Schema& schema, ShardStatsOptions& options) {
            schema.positional("PATH", options.paths, "shards, or folders of shards").required();
        },
        print_stats);
}

}  // namespace ctclip
