#include "loader/sample_source.hpp"

namespace ctclip {

SourceSample SampleSource::read_in_planes(std::int64_t index, HostBuffer& voxels, PlaneSink const& use_plane) const {
    SourceSample sample = read(index, voxels);
    if (sample.metadata.layout == VolumeLayout::kPreprocessed) {
        auto const [num_x, num_y, num_z] = sample.metadata.volume_shape;
        for (std::int64_t x = 0; x < num_x; ++x) {
            auto const num_voxels = static_cast<std::size_t>(num_y * num_z);
            use_plane(sample.metadata, x, sample.voxels.subspan(static_cast<std::size_t>(x) * num_voxels, num_voxels));
        }
    }
    return sample;
}

}  // namespace ctclip
