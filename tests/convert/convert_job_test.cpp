#include "convert/convert_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/half.hpp"
#include "base/output_lock.hpp"
#include "base/stop_signal.hpp"
#include "convert/convert_benchmark.hpp"
#include "convert/made_dataset.hpp"
#include "convert/stop_notice.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
namespace fs = std::filesystem;

/// A matcher for what a call throws: exit code and part of the text.
auto fails_with(ExitCode code, std::string const& text) {
    return testing::Throws<Error>(
        AllOf(testing::Property(&Error::code, code), testing::Property(&Error::what, HasSubstr(text))));
}

std::vector<float> with_voxel(float value) {
    std::vector<float> voxels(120, 1.0F);
    voxels[77] = value;
    return voxels;
}

TEST(Convert, WritesShardsThatVerify) {
    MadeDataset dataset(5);
    dataset.run();
    EXPECT_EQ(list_shards(dataset.options.output).size(), 3U);
    for (fs::path const& shard : list_shards(dataset.options.output)) {
        EXPECT_TRUE(verify_shard(shard).has_digests);
    }
    EXPECT_THAT(dataset.written, HasSubstr("5 volumes in 3 shards"));
    EXPECT_THAT(dataset.written, HasSubstr("logical: 0.0 MiB of arrays -> 0.0 MiB of float16: 2.00x"));
    auto const manifest = nlohmann::json::parse(read_text_file(dataset.options.output / "manifest.json"));
    EXPECT_EQ(manifest.at("total_samples"), 5);
}

TEST(Convert, DoesNothingMoreWhenAllIsDone) {
    MadeDataset dataset(3);
    dataset.run();
    auto const before = content_of(dataset.options.output);
    auto const time = fs::last_write_time(dataset.options.output / "manifest.json");
    fs::remove_all(dataset.options.volumes);  // not even the sources are needed
    fs::remove(dataset.options.reports);
    dataset.run();
    EXPECT_TRUE(content_of(dataset.options.output) == before);
    EXPECT_EQ(fs::last_write_time(dataset.options.output / "manifest.json"), time);
}

TEST(Convert, StopsAtABadInputAndKeepsFinishedShards) {
    MadeDataset dataset(4);
    fs::resize_file(dataset.volume_path(3), fs::file_size(dataset.volume_path(3)) - 30);
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "train_3_a_1.npz"));
    EXPECT_TRUE(fs::exists(dataset.options.output / "shard-000000.tar"));
    EXPECT_FALSE(fs::exists(dataset.options.output / "shard-000001.tar"));
    EXPECT_FALSE(fs::exists(dataset.options.output / "manifest.json"));
    EXPECT_EQ(content_of(dataset.options.output).size(), 5U)
        << "plan, shard 0, its sidecar, two indexes: nothing half-written";
    EXPECT_TRUE(fs::exists(dataset.volume_path(3)));
}

TEST(Convert, GoesOnAfterTheInputWasRepaired) {
    MadeDataset dataset(4);
    dataset.run();
    auto const expected = content_of(dataset.options.output);
    for (char const* name : {"shard-000001.tar", "manifest.json", "conversion.json"}) {
        fs::remove(dataset.options.output / name);
    }
    dataset.run();
    EXPECT_TRUE(content_of(dataset.options.output) == expected);
}

TEST(Convert, StopsWhenAskedAndLosesNothing) {
    MadeDataset dataset(6);
    int num_asked = 0;
    dataset.stop_requested = [&] { return ++num_asked > 3; };
    EXPECT_THROW(dataset.run(), Stopped);
    EXPECT_TRUE(fs::exists(dataset.options.output / "shard-000000.tar"));
    EXPECT_FALSE(fs::exists(dataset.options.output / "manifest.json"));
    dataset.stop_requested = [] { return false; };
    dataset.run();
    EXPECT_EQ(list_shards(dataset.options.output).size(), 3U);
}

TEST(Convert, StopsWhenAnotherRankIsAsked) {
    MadeDataset dataset(6);
    int num_asked = 0;
    dataset.stop_requested = [&] {
        if (++num_asked == 3) {
            StopNotice(dataset.options.output).post();
        }
        return false;
    };
    EXPECT_THROW(dataset.run(), Stopped);
    EXPECT_EQ(num_asked, 3);
    EXPECT_FALSE(StopNotice(dataset.options.output).is_posted());
    StopNotice(dataset.options.output).post();  // as a killed run would leave it
    dataset.run();
    EXPECT_EQ(list_shards(dataset.options.output).size(), 3U);
}

TEST(Convert, CanBeStoppedWhileItChecksFinishedShards) {
    MadeDataset dataset(6);
    dataset.run();
    dataset.stop_requested = [] { return true; };
    EXPECT_THROW(dataset.run(), Stopped);
}

TEST(Convert, WritesTheIndexesOfOtherLoadersAndMakesUpForMissingOnes) {
    MadeDataset dataset(3);
    dataset.run();
    auto const expected = content_of(dataset.options.output);
    std::array const names{"shard-000000.idx", "shard-000001.tar.idx", "wids.json", ".nv-meta/.info.yaml",
                           ".nv-meta/split.yaml"};
    for (char const* const name : names) {
        EXPECT_TRUE(fs::remove(dataset.options.output / name)) << name;
    }
    dataset.run();
    EXPECT_TRUE(content_of(dataset.options.output) == expected);
}

TEST(Convert, RefusesOtherSettingsOnTheSameOutput) {
    MadeDataset dataset(3);
    dataset.run();
    dataset.options.samples_per_shard = 3;
    EXPECT_THAT([&] { dataset.run(); },
                fails_with(ExitCode::kBadConfig, "convert.samples_per_shard: the plan has 2, this run 3"));
}

TEST(Convert, GoesOnWithQuarantineWhereRejectStopped) {
    MadeDataset dataset(5);  // three shards of two, two and one
    std::vector<float> voxels(120, 1.0F);
    voxels[7] = 1e6F;
    dataset.write_volume(4, voxels);
    EXPECT_THROW(dataset.run(), Error);
    EXPECT_TRUE(fs::exists(dataset.options.output / "shard-000000.tar"));
    dataset.options.out_of_range = OutOfRangePolicy::kSaturate;  // finished shards might have been others
    EXPECT_THROW(dataset.run(), Error);
    dataset.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset.options.max_quarantined = 1;
    dataset.run();
    EXPECT_TRUE(fs::exists(dataset.options.output / "manifest.json"));
}

TEST(Convert, DoesNotPutADamagedIndexOnRecord) {
    MadeDataset dataset(4);
    dataset.run();
    fs::path const index = dataset.options.output / "shard-000000.index.json";
    std::string text = read_text_file(index);
    std::size_t const value = text.find("\"RescaleIntercept\": ") + 20;
    text.insert(value, "9");
    std::ofstream(index, std::ios::trunc) << text;
    EXPECT_THAT([&] { dataset.run(); }, testing::ThrowsMessage<Error>(testing::HasSubstr("not the index on record")));
    fs::remove(index);
    fs::remove(dataset.options.output / "shard-000000.tar");
    dataset.run();  // as the message says
}

TEST(Convert, RefusesOtherCsvsWhetherOrNotThereIsWork) {
    MadeDataset dataset(3);
    dataset.run();
    dataset.write_csvs(-1024.0);
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadConfig, "convert.metadata (SHA-256"));
    fs::remove(dataset.options.output / "shard-000001.tar");
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadConfig, "convert.metadata (SHA-256"));
}

TEST(Convert, RefusesASourceThatChangedSinceThePlan) {
    MadeDataset dataset(3);
    dataset.run();
    fs::remove(dataset.options.output / "shard-000001.tar");
    dataset.write_volume(2, std::vector<float>(120, 3.0F));
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "when it was listed"));
    dataset.options.changed = ChangedPolicy::kAccept;
    fs::remove(dataset.options.output / "shard-000001.index.json");
    dataset.run();
    ConversionRecord const record = *read_sidecar(dataset.options.output / "shard-000001.tar").samples.at(0).conversion;
    EXPECT_EQ(record.source_size_bytes, fs::file_size(dataset.volume_path(2)));
    dataset.options.changed = ChangedPolicy::kReject;
    dataset.run();  // it is finished
}

TEST(Convert, OfNothingIsAnError) {
    MadeDataset dataset(3);
    dataset.options.damaged = DamagedPolicy::kQuarantine;
    dataset.options.max_quarantined = 3;
    dataset.options.npz_key = "no_such_key";
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "all 3 volumes are quarantined"));
    EXPECT_FALSE(fs::exists(dataset.options.output / "manifest.json"));
}

TEST(Convert, NeverOverwritesAShardThatItDidNotWrite) {
    MadeDataset dataset(3);
    fs::create_directories(dataset.options.output);
    std::ofstream(dataset.options.output / "shard-000000.tar") << "somebody's";
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kCannotCreate, "another program's"));
    EXPECT_EQ(read_text_file(dataset.options.output / "shard-000000.tar"), "somebody's");
}

TEST(Convert, RefusesAShardThatItsPlanDoesNotHave) {
    MadeDataset dataset(3);
    fs::path const foreign = dataset.options.output / "shard-000002.tar";
    fs::create_directories(dataset.options.output);
    std::ofstream(foreign) << "somebody's";
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kCannotCreate, "shard-000002.tar"));
    fs::remove(foreign);
    dataset.run();
    fs::copy_file(dataset.options.output / "shard-000000.tar", foreign);
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, foreign.string()));
    fs::remove(foreign);
    dataset.run();
}

TEST(Convert, RefusesAnIndexOfOtherStudies) {
    MadeDataset dataset(4);
    dataset.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset.options.max_quarantined = 1;
    dataset.write_volume(1, with_voxel(1e6F));
    dataset.run();
    fs::remove(dataset.options.output / "conversion.json");  // as after an interruption: nothing on record
    fs::path const shard = dataset.options.output / "shard-000000.tar";
    ShardSidecar const sidecar = read_sidecar(shard);
    auto const expect_refused = [&](ShardSidecar const& other) {
        std::ofstream(sidecar_path(shard), std::ios::trunc) << encode_sidecar(other);
        EXPECT_THAT([&] { dataset.run(); },
                    fails_with(ExitCode::kBadInput, "is not the study that the plan has there"));
    };
    ShardSidecar other = sidecar;
    other.samples[0].study_id = "train_3_a_1";
    expect_refused(other);
    other = sidecar;
    other.quarantined.clear();
    expect_refused(other);
    std::ofstream(sidecar_path(shard), std::ios::trunc) << encode_sidecar(sidecar);
    dataset.run();
}

TEST(Convert, WritesIndexesOfOtherLoadersAnewWithTheirShard) {
    MadeDataset dataset(4);
    dataset.run();
    fs::path const index = dataset.options.output / "shard-000000.idx";
    std::string const expected = read_text_file(index);
    fs::remove(dataset.options.output / "shard-000000.tar");
    fs::remove(dataset.options.output / "shard-000000.index.json");
    std::ofstream(index, std::ios::trunc) << "of an older shard";
    dataset.run();
    EXPECT_EQ(read_text_file(index), expected);
}

/// A shard moved away, its study since then left out: what the first run put on record of it is no more true.
TEST(Convert, ForgetsWhatItIsToConvertAnew) {
    MadeDataset dataset(5);
    dataset.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset.options.max_quarantined = 1;
    dataset.options.damaged = DamagedPolicy::kQuarantine;
    dataset.run();
    fs::remove(dataset.options.output / "shard-000001.tar");
    fs::remove(dataset.options.output / "shard-000001.index.json");
    auto const size = fs::file_size(dataset.volume_path(2));
    std::ofstream(dataset.volume_path(2), std::ios::trunc) << std::string(size, 'x');
    dataset.options.max_quarantined = 0;
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "train_2_a_1.npz"));
    EXPECT_FALSE(fs::exists(dataset.options.output / "manifest.json")) << "it is not complete";
    dataset.options.max_quarantined = 1;
    dataset.run();
    dataset.run();
    EXPECT_EQ(read_sidecar(dataset.options.output / "shard-000001.tar").quarantined.size(), 1U);
}

TEST(Convert, RefusesAFinishedShardThatIsDamaged) {
    MadeDataset dataset(3);
    dataset.run();
    fs::path const shard = dataset.options.output / "shard-000000.tar";
    std::fstream(shard, std::ios::in | std::ios::out).seekp(700).put('!');
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "move it and its index away"));
}

TEST(Convert, RefusesAnOutputThatAnotherJobUses) {
    MadeDataset dataset(3);
    fs::create_directories(dataset.options.output);
    OutputLock const lock(dataset.options.output, "the-other-job");
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kCannotCreate, "in use by the-other-job"));
    EXPECT_EQ(content_of(dataset.options.output).size(), 1U) << "only the lock";
}

TEST(Convert, RefusesAFileInTheWayBeforeTheWork) {
    MadeDataset dataset(2);
    std::filesystem::create_directory(dataset.options.output);
    std::ofstream(dataset.options.output / ".nv-meta") << "not a folder";
    EXPECT_THAT([&] { dataset.run(); }, ThrowsMessage<Error>(HasSubstr(".nv-meta is not a folder")));
    EXPECT_FALSE(std::filesystem::exists(dataset.options.output / "shard-000000.tar"));
}

TEST(Convert, SweepsWhatAKilledRunLeft) {
    MadeDataset dataset(3);
    fs::create_directories(dataset.options.output);
    std::ofstream(dataset.options.output / ".shard-000000.tar.1234.0123456789abcdef.partial") << "half";
    dataset.run();
    for (auto const& [name, content] : content_of(dataset.options.output)) {
        EXPECT_THAT(name, testing::Not(HasSubstr("partial")));
    }
}

TEST(Convert, RejectsValuesBeyondFp16ByDefault) {
    for (float const value : {70'000.0F, -1e30F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
        MadeDataset dataset(2);
        dataset.write_volume(1, with_voxel(value));
        EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "train_1_a_1.npz")) << value;
    }
}

TEST(Convert, SaturatesWhenToldAndCountsIt) {
    MadeDataset dataset(2);
    dataset.options.out_of_range = OutOfRangePolicy::kSaturate;
    dataset.write_volume(1, with_voxel(-1e30F));
    dataset.run();
    ShardReader const reader(dataset.options.output / "shard-000000.tar");
    std::vector<std::uint16_t> halves(120);
    reader.read_volume(reader.index().samples[1], halves);
    EXPECT_EQ(halves[77], half_from(-65504.0));
    EXPECT_EQ(read_sidecar(reader.index().path).samples[1].conversion->ledger.num_out_of_range, 1);
    EXPECT_THAT(dataset.written, HasSubstr("saturated voxels: 1"));

    MadeDataset with_nan(2);
    with_nan.options.out_of_range = OutOfRangePolicy::kSaturate;
    with_nan.write_volume(1, with_voxel(std::nanf("")));
    EXPECT_THAT([&] { with_nan.run(); }, fails_with(ExitCode::kBadInput, "1 voxels are NaN"));
}

TEST(Convert, QuarantinesUpToTheLimitAndLeavesTheSlotEmpty) {
    MadeDataset dataset(4);
    dataset.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset.options.max_quarantined = 1;
    dataset.write_volume(0, with_voxel(std::nanf("")));
    dataset.run();
    ShardIndex const index = index_shard(dataset.options.output / "shard-000000.tar");
    ASSERT_EQ(index.samples.size(), 1U);
    EXPECT_EQ(index.samples[0].key, "000000_000001");
    ShardSidecar const sidecar = read_sidecar(index.path);
    ASSERT_EQ(sidecar.quarantined.size(), 1U);
    EXPECT_EQ(sidecar.quarantined[0].key, "000000_000000");
    EXPECT_EQ(sidecar.quarantined[0].study_id, "train_0_a_1");
    EXPECT_THAT(dataset.written, HasSubstr("3 volumes in 2 shards, 1 quarantined"));

    dataset.options.max_quarantined = 0;
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "convert.max_quarantined"));
}

TEST(Convert, WritesSlopeOneForVolumesInHuAndKeepsTheCsvInTheSidecar) {
    MadeDataset dataset(1);
    dataset.write_csvs(-1024.0);
    dataset.options.rescale = RescalePolicy::kAlreadyHu;
    dataset.run();
    ShardReader const reader(dataset.options.output / "shard-000000.tar");
    EXPECT_EQ(reader.read_metadata(reader.index().samples[0]).rescale_intercept, 0.0);
    ConversionRecord const record = *read_sidecar(reader.index().path).samples[0].conversion;
    EXPECT_EQ(record.csv_rescale_intercept, -1024.0);
    EXPECT_EQ(record.rescale, "already_hu");
}

TEST(Convert, ChecksTheUnitsOfEveryVolumeWhenTold) {
    MadeDataset dataset(2);
    dataset.write_csvs(-1024.0);
    dataset.options.rescale = RescalePolicy::kAuto;
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "cannot tell from its voxels"));
}

/// Two thirds soft tissue, one third air; in HU, or as a scanner stores them (+1024).
std::vector<float> chest(float offset) {
    std::vector<float> voxels(120);
    for (std::size_t i = 0; i < voxels.size(); ++i) {
        voxels[i] = (i % 3 == 0 ? -950.0F + static_cast<float>(i) : 40.0F) + offset;
    }
    return voxels;
}

TEST(Convert, AutoAppliesTheCsvToScannerUnitsAndStopsBeforeHu) {
    MadeDataset dataset(1);
    dataset.write_csvs(-1024.0);
    dataset.options.rescale = RescalePolicy::kAuto;
    dataset.write_volume(0, chest(1024.0F));
    dataset.run();
    ShardReader const reader(dataset.options.output / "shard-000000.tar");
    EXPECT_EQ(reader.read_metadata(reader.index().samples[0]).rescale_intercept, -1024.0);
    EXPECT_EQ(read_sidecar(reader.index().path).samples[0].conversion->rescale, "csv");

    fs::remove_all(dataset.options.output);
    dataset.write_volume(0, chest(0.0F));
    EXPECT_THAT([&] { dataset.run(); }, fails_with(ExitCode::kBadInput, "probable double rescale"));
}

TEST(Convert, StoresPreprocessedVolumesAsTheProgramMakesThem) {
    MadeDataset dataset(1);
    dataset.options.layout = VolumeLayout::kPreprocessed;
    ConvertEnvironment environment = dataset.environment();
    environment.preprocess = [](SampleMetadata const& metadata, std::span<std::uint16_t const> halves) {
        EXPECT_EQ(metadata.z_spacing_mm, 1.5);
        return PreprocessedVolume{{1, 1, 2}, {halves[0], halves[119]}};
    };
    convert(dataset.options, environment);
    ShardReader const reader(dataset.options.output / "shard-000000.tar");
    SampleMetadata const metadata = reader.read_metadata(reader.index().samples[0]);
    EXPECT_EQ(metadata.layout, VolumeLayout::kPreprocessed);
    EXPECT_EQ(metadata.volume_shape, (VolumeShape{1, 1, 2}));
}

TEST(ConvertBenchmark, MeasuresARealConversion) {
    MadeDataset dataset(4);
    ConvertBenchmark const benchmark = benchmark_conversion(dataset.options, dataset.environment().preprocess);
    EXPECT_EQ(benchmark.num_volumes, 4U);
    EXPECT_EQ(benchmark.source_array_bytes, 4 * 120 * sizeof(float));
    EXPECT_GT(benchmark.cpu_s, 0.0);
    EXPECT_GT(benchmark.inflate_cpu_s, 0.0);
    EXPECT_TRUE(fs::exists(dataset.options.output / "manifest.json"));
    EXPECT_THAT([&] { benchmark_conversion(dataset.options, dataset.environment().preprocess); },
                fails_with(ExitCode::kCannotCreate, "exists"));
}

TEST(DryRun, SaysWhatWouldHappenAndWritesNothing) {
    MadeDataset dataset(5);
    dry_run_convert(dataset.options, dataset.environment());
    EXPECT_THAT(dataset.written, HasSubstr("would convert 5 studies in 3 shards"));
    EXPECT_THAT(dataset.written, HasSubstr("as a trial: 5 of the 5 volumes"));
    EXPECT_FALSE(fs::exists(dataset.options.output));
    dataset.run();
    auto const before = content_of(dataset.options.output);
    dry_run_convert(dataset.options, dataset.environment());
    EXPECT_THAT(dataset.written, HasSubstr("would go on with 5 studies"));
    EXPECT_TRUE(content_of(dataset.options.output) == before);
}

TEST(DryRun, NeedsNoSourceOfAFinishedShard) {
    MadeDataset dataset(4);
    dataset.run();
    fs::remove(dataset.options.output / "shard-000001.tar");
    fs::remove(dataset.volume_path(0));
    fs::remove(dataset.volume_path(1));
    EXPECT_NO_THROW(dry_run_convert(dataset.options, dataset.environment()));
}

TEST(DryRun, RefusesAFileWhereTheOutputFolderBelongs) {
    MadeDataset dataset(2);
    std::ofstream(dataset.options.output) << "a file";
    EXPECT_THAT([&] { dry_run_convert(dataset.options, dataset.environment()); },
                fails_with(ExitCode::kCannotCreate, "is not a folder"));
    dataset.options.output /= "below_a_file";
    EXPECT_THAT([&] { dry_run_convert(dataset.options, dataset.environment()); },
                fails_with(ExitCode::kCannotCreate, "is not a folder"));
}

TEST(DryRun, EndsAsTheJobWouldWithTooManyQuarantined) {
    MadeDataset dataset(3);
    dataset.options.damaged = DamagedPolicy::kQuarantine;
    dataset.options.npz_key = "no_such_key";
    EXPECT_THAT([&] { dry_run_convert(dataset.options, dataset.environment()); },
                fails_with(ExitCode::kBadInput, "convert.max_quarantined"));
    dataset.options.max_quarantined = 9;
    EXPECT_THAT([&] { dry_run_convert(dataset.options, dataset.environment()); },
                fails_with(ExitCode::kBadInput, "all of the 3 volumes that were tried"));
}

TEST(DryRun, FindsAVolumeThatPolicyRefuses) {
    MadeDataset dataset(2);
    dataset.write_volume(0, with_voxel(1e9F));
    EXPECT_THAT([&] { dry_run_convert(dataset.options, dataset.environment()); },
                fails_with(ExitCode::kBadInput, "beyond the range of float16"));
}

}  // namespace
}  // namespace ctclip
