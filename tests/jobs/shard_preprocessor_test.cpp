// Layout `preprocessed`: a shard holds what the Python reference feeds its model, rounded to float16.
#include "jobs/shard_preprocessor.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/half.hpp"
#include "convert/made_dataset.hpp"
#include "kernels/golden_volumes.hpp"
#include "kernels/preprocess_cpu.hpp"
#include "shard/shard_reader.hpp"

namespace ctclip {
namespace {

GoldenVolume golden_volume(std::string const& name) {
    std::vector<GoldenVolume> const volumes = golden_volumes();
    auto const found = std::ranges::find(volumes, name, &GoldenVolume::name);
    EXPECT_NE(found, volumes.end()) << name;
    return *found;
}

/// The reference's model input (z, x, y), to the bit (its digest is checked).
std::vector<float> reference_input(GoldenVolume const& volume) {
    std::vector<float> input(static_cast<std::size_t>(volume.target.num_voxels()));
    PreprocessScratch scratch;
    preprocess(volume.recipe(ClipOrder::kClipThenResize), volume.raw(), input, scratch);
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(input))),
              volume.expected_sha256(ClipOrder::kClipThenResize));
    return input;
}

/// The dataset's only study gets the golden volume's voxels, scaling and spacing.
void put(GoldenVolume const& volume, MadeDataset const& dataset) {
    std::filesystem::remove(dataset.volume_path(0));
    std::vector<std::uint16_t> const raw = volume.raw();
    write_npz(dataset.volume_path(0), "data", DType::kF16, volume.shape_xyz, {},
              std::as_bytes(std::span(raw)));
    std::ofstream(dataset.options.metadata)
        << "VolumeName,RescaleSlope,RescaleIntercept,XYSpacing,ZSpacing\n"
        << fmt::format("{}.nii.gz,{},{},\"[{}, {}]\",{}\n", MadeDataset::study_id(0), volume.slope,
                       volume.intercept, volume.xy_spacing_mm, volume.xy_spacing_mm, volume.z_spacing_mm);
}

TEST(ShardPreprocessor, StoresTheReferencesModelInputRoundedToFloat16) {
    for (char const* const name : {"full_one_slice", "full_thin"}) {
        SCOPED_TRACE(name);
        GoldenVolume const volume = golden_volume(name);
        MadeDataset dataset(1);
        put(volume, dataset);
        dataset.options.layout = VolumeLayout::kPreprocessed;
        ConvertEnvironment environment = dataset.environment();
        environment.preprocess = make_shard_preprocessor();
        convert(dataset.options, environment);

        ShardReader const reader(dataset.options.output / "shard-000000.tar");
        ASSERT_EQ(reader.read_metadata(reader.index().samples[0]).volume_shape, (VolumeShape{480, 480, 240}));
        std::vector<std::uint16_t> stored(std::size_t{480} * 480 * 240);
        reader.read_volume(reader.index().samples[0], stored);
        std::vector<float> const input_zxy = reference_input(volume);
        std::size_t num_different = 0;
        for (std::size_t i = 0; i < input_zxy.size(); ++i) {
            std::size_t const z = i / (std::size_t{480} * 480);
            std::size_t const xy = i % (std::size_t{480} * 480);
            num_different += stored[xy * 240 + z] == half_from(input_zxy[i]) ? 0 : 1;
        }
        EXPECT_EQ(num_different, 0U);
    }
}

}  // namespace
}  // namespace ctclip
