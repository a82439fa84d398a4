/// A small shard as the converter writes it.
#pragma once

#include <string>
#include <vector>

#include "shard/shard_writer.hpp"

namespace ctclip {

inline SampleMetadata made_metadata(std::string study_id) {
    SampleMetadata metadata;
    metadata.study_id = std::move(study_id);
    metadata.volume_shape = {2, 3, 4};
    metadata.rescale_intercept = -1024.0;
    metadata.xy_spacing = "[0.75, 0.75]";
    metadata.xy_spacing_mm = 0.75;
    metadata.z_spacing_mm = 1.5;
    return metadata;
}

inline std::vector<std::uint16_t> made_halves(std::uint16_t first) {
    std::vector<std::uint16_t> halves(24);
    for (std::uint16_t& half : halves) {
        half = first++;
    }
    return halves;
}

/// Two samples, keys "000007_000000" and "000007_000001". Returns the sidecar.
inline ShardSidecar make_shard(std::filesystem::path const& path) {
    ShardWriter writer(path, "plan");
    std::vector<float> labels(kNumLabels, 0.0F);
    labels[3] = 1.0F;
    writer.add(sample_key(7, 0), made_metadata("valid_1_a_1"), made_halves(100), "Findings.\nImpression.",
               labels, {});
    writer.add(sample_key(7, 1), made_metadata("valid_1_a_2"), made_halves(200), "", labels, {});
    return writer.commit();
}

}  // namespace ctclip
