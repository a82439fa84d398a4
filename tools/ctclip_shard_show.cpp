// ctclip-shard show: one sample in full, for people.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/half.hpp"
#include "shard/shard_reader.hpp"
#include "shard/sidecar.hpp"
#include "study/study_table.hpp"
#include "tools/ctclip_shard.hpp"
#include "tools/slice_sheet.hpp"

namespace ctclip {
namespace {

struct ShardShowOptions {
    std::filesystem::path shard;
    std::string sample;
    bool with_report = false;
    std::optional<std::filesystem::path> png;
};

/// By key, study or position.
ShardSample const& find_sample(ShardReader const& reader, std::string const& wanted) {
    auto const& samples = reader.index().samples;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (samples[i].key == wanted || std::to_string(i) == wanted ||
            (samples[i].find("json") != nullptr && reader.read_metadata(samples[i]).study_id == wanted)) {
            return samples[i];
        }
    }
    fail(ExitCode::kBadInput,
         "{} has no sample '{}' (give its key, its study id, or its position from 0 to {})",
         reader.index().path.string(), wanted, samples.empty() ? 0 : samples.size() - 1);
}

struct VoxelRange {
    float min = INFINITY;
    float max = -INFINITY;
    double mean = 0.0;
    std::size_t num_not_finite = 0;
};

VoxelRange range_of(std::vector<std::uint16_t> const& halves) {
    VoxelRange range;
    double sum = 0.0;
    for (std::uint16_t const half : halves) {
        if (!is_half_finite(half)) {
            ++range.num_not_finite;
            continue;
        }
        float const value = half_to_float(half);
        range.min = std::min(range.min, value);
        range.max = std::max(range.max, value);
        sum += static_cast<double>(value);
    }
    std::size_t const num_finite = halves.size() - range.num_not_finite;
    range.mean = num_finite == 0 ? 0.0 : sum / static_cast<double>(num_finite);
    return range;
}

std::vector<std::string> names_of(std::vector<float> const& labels) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == 1.0F) {
            names.emplace_back(kAbnormalityNames.at(i));
        }
    }
    return names;
}

nlohmann::json describe(ShardReader const& reader, ShardSample const& sample,
                        std::vector<std::uint16_t> const& halves) {
    SampleMetadata const metadata = reader.read_metadata(sample);
    VoxelRange const range = range_of(halves);
    nlohmann::json object = {{"schema", "ctclip.shard.show/1"},
                             {"shard", reader.index().path.string()},
                             {"key", sample.key},
                             {"study_id", metadata.study_id},
                             {"volume_shape", metadata.volume_shape},
                             {"layout", metadata.layout == VolumeLayout::kRaw ? "raw" : "preprocessed"},
                             {"voxels",
                              {{"min", range.min},
                               {"max", range.max},
                               {"mean", range.mean},
                               {"not_finite", range.num_not_finite}}},
                             {"abnormalities", names_of(reader.read_labels(sample))},
                             {"report_bytes", reader.read_report(sample).size()}};
    if (metadata.layout == VolumeLayout::kRaw) {
        object["rescale_slope"] = metadata.rescale_slope;
        object["rescale_intercept"] = metadata.rescale_intercept;
        object["spacing_mm"] = {metadata.xy_spacing_mm, metadata.xy_spacing_mm, metadata.z_spacing_mm};
    }
    return object;
}

void print(ToolContext& tool, nlohmann::json const& object) {
    for (auto const& [name, value] : object.items()) {
        if (name != "schema") {
            tool.print("{:<18} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
}

ExitCode show_sample(ToolContext& tool, ShardShowOptions const& options) {
    ShardReader const reader(options.shard);
    ShardSample const& sample = find_sample(reader, options.sample);
    SampleMetadata const metadata = reader.read_metadata(sample);
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(num_voxels(metadata.volume_shape)));
    reader.read_volume(sample, halves);
    nlohmann::json object = describe(reader, sample, halves);
    if (options.with_report) {
        object["report"] = reader.read_report(sample);
    }
    if (options.png) {
        write_slice_sheet(*options.png, metadata, halves);
    }
    if (tool.is_json()) {
        tool.write_json(object);
    } else {
        print(tool, object);
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand shard_show_command() {
    return make_command<ShardShowOptions>(
        "show", "shows one sample: geometry, voxel range, labels, a picture",
        {{"ctclip-shard show shard-000000.tar valid_1_a_1 --png slices.png", "with its three middle slices"},
         {"ctclip-shard show shard-000000.tar 0 --report", "the first sample, with the report's text"}},
        [](Schema& schema, ShardShowOptions& options) {
            schema.positional("SHARD", options.shard, "shard").required();
            schema.positional("SAMPLE", options.sample, "key, study id, or position in the shard").required();
            schema.option("--report", options.with_report, "print the report (patient text)");
            schema.option("--png", options.png,
                          "write the axial, coronal and sagittal middle slices to this file");
        },
        show_sample);
}

}  // namespace ctclip
