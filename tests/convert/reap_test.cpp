// Sources are deleted only after proof, and a kill at any moment never costs one whose shard is not proven.
#include "convert/reap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/output_lock.hpp"
#include "convert/made_dataset.hpp"
#include "convert/reap_journal.hpp"
#include "convert/source_check.hpp"
#include "nifti/made_nifti.hpp"
#include "shard/shard_verify.hpp"
#include "shard/shard_writer.hpp"
#include "support/killed_at_call.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

ReapEnvironment silent() {
    return {{}, [](std::string what, std::string unit, std::int64_t total) {
                return Progress(std::move(what), std::move(unit), total, ProgressStyle::kSilent);
            }};
}

void flip_bit(fs::path const& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    int const byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
}

class Reap : public testing::Test {
  protected:
    static constexpr int kNumStudies = 4;  // in two shards

    Reap() : dataset_(kNumStudies) {
        dataset_.run();
        shards_ = content_of(dataset_.options.output);
        sources_ = content_of(dataset_.options.volumes);
    }

    ReapReport run(std::optional<std::string> confirm) const {
        return reap({dataset_.options.output, dataset_.options.volumes, std::move(confirm)}, silent());
    }
    std::string word() const { return run(std::nullopt).confirmation_word; }

    fs::path shard(int index) const {
        return dataset_.options.output / shard_name(static_cast<std::size_t>(index));
    }
    fs::path journal() const { return dataset_.options.output / kReapJournalName; }

    void expect_refused(std::string const& confirm, ExitCode code, std::string const& text) const {
        auto const before = content_of(dataset_.options.volumes);
        try {
            run(confirm);
            ADD_FAILURE() << "not refused: " << text;
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), code) << error.what();
            EXPECT_THAT(error.what(), HasSubstr(text));
        }
        EXPECT_TRUE(content_of(dataset_.options.volumes) == before) << text;
    }

    void expect_shards_untouched() const {
        auto now = content_of(dataset_.options.output);
        std::erase_if(now, [](auto const& file) { return file.first == kReapJournalName; });
        EXPECT_TRUE(now == shards_);
    }

    /// What must hold at any moment, from the bytes on disk: what is gone was announced, and its shard is
    /// whole.
    void expect_nothing_lost() const {
        ReapJournal const journal(dataset_.options.output);
        for (auto const& [name, content] : sources_) {
            if (fs::exists(dataset_.options.volumes / name)) {
                EXPECT_EQ(read_text_file(dataset_.options.volumes / name), content);
            } else {
                EXPECT_TRUE(journal.has_announced(name)) << name;
            }
        }
        EXPECT_NO_THROW(EXPECT_TRUE(verify_shard(shard(0)).has_digests));
        EXPECT_NO_THROW(EXPECT_TRUE(verify_shard(shard(1)).has_digests));
    }

    /// Damages the volumes of the first shard so that every digest agrees: only the comparison of voxels can
    /// find it.
    template <class Damage>
    void write_shard_anew(Damage const& damage) const {
        ShardSidecar sidecar = read_sidecar(shard(0));
        ShardIndex const index = index_shard(shard(0));
        ShardReader const reader(index);
        std::vector<SidecarSample> const samples = sidecar.samples;
        std::vector<std::vector<std::uint16_t>> volumes;
        for (SidecarSample const& sample : samples) {
            volumes.emplace_back(120);
            reader.read_volume(sample.sample, volumes.back());
        }
        damage(volumes);
        TempDir const dir;
        ShardWriter writer(dir / shard_name(0), sidecar.plan_sha256);
        for (std::size_t i = 0; i < samples.size(); ++i) {
            writer.add(samples[i].sample.key, reader.read_metadata(samples[i].sample), volumes[i],
                       reader.read_report(samples[i].sample), reader.read_labels(samples[i].sample),
                       samples[i].conversion);
        }
        writer.commit();
        fs::copy_file(dir / shard_name(0), shard(0), fs::copy_options::overwrite_existing);
        fs::copy_file(sidecar_path(dir / shard_name(0)), sidecar_path(shard(0)),
                      fs::copy_options::overwrite_existing);
        ASSERT_TRUE(verify_shard(shard(0)).has_digests);
    }

    void restore_sources() const {
        for (auto const& [name, content] : sources_) {
            std::ofstream(dataset_.options.volumes / name, std::ios::binary) << content;
        }
        fs::remove(journal());
    }

    MadeDataset dataset_;
    std::vector<std::pair<std::string, std::string>> shards_;
    std::vector<std::pair<std::string, std::string>> sources_;
};

TEST_F(Reap, WithoutAWordProvesAllAndDeletesNothing) {
    ReapReport const report = run(std::nullopt);
    EXPECT_EQ(report.num_shards, 2U);
    EXPECT_EQ(report.num_sources, 4U);
    EXPECT_GT(report.source_bytes, 0U);
    EXPECT_TRUE(content_of(dataset_.options.volumes) == sources_);
    EXPECT_TRUE(content_of(dataset_.options.output) == shards_);
}

TEST_F(Reap, WithTheWordDeletesAndRecords) {
    EXPECT_EQ(run(word()).num_sources, 4U);
    EXPECT_TRUE(content_of(dataset_.options.volumes).empty());
    expect_shards_untouched();
    std::string const record = read_text_file(journal());
    for (auto const& source : sources_) {
        EXPECT_THAT(record, HasSubstr(fmt::format(R"("source":"{}")", source.first)));
    }
    EXPECT_EQ(std::ranges::count(record, '\n'), 8);  // announced and confirmed, each
    EXPECT_THAT(record, HasSubstr(R"("event":"deleted","time":"2)"));
}

TEST_F(Reap, AgainHasNothingLeftToDo) {
    std::string const confirm = word();
    run(confirm);
    ReapReport const report = run(confirm);
    EXPECT_EQ(report.num_sources, 0U);
    EXPECT_EQ(report.num_gone, 4U);
}

TEST_F(Reap, LeavesAFolderThatConvertsToTheSameAgain) {
    run(word());
    dataset_.run();
    expect_shards_untouched();
}

TEST_F(Reap, NeedsTheWordOfTheseShards) {
    expect_refused("yes", ExitCode::kUsage, "does not confirm");
    expect_refused("", ExitCode::kUsage, "does not confirm");
    MadeDataset other(3);
    other.run();
    std::string const foreign =
        reap({other.options.output, other.options.volumes, std::nullopt}, silent()).confirmation_word;
    expect_refused(foreign, ExitCode::kUsage, "does not confirm");
}

TEST_F(Reap, RefusesADamagedShard) {
    std::string const confirm = word();
    flip_bit(shard(0), 700);  // in the first volume
    expect_refused(confirm, ExitCode::kBadInput, "is damaged");
}

TEST_F(Reap, RefusesAShardWhoseVoxelsAreNotTheSources) {
    write_shard_anew([](auto& volumes) { volumes[1][119] ^= 1U; });
    EXPECT_THAT([&] { word(); }, testing::ThrowsMessage<Error>(HasSubstr("first in voxel (5, 4, 3)")));
}

TEST_F(Reap, RefusesAChangedSource) {
    std::string const confirm = word();
    flip_bit(dataset_.volume_path(1), 60);
    expect_refused(confirm, ExitCode::kBadInput, "is not the file that was converted");
}

TEST_F(Reap, RefusesASourceThatSomebodyElseRemoved) {
    std::string const confirm = word();
    fs::remove(dataset_.volume_path(0));
    expect_refused(confirm, ExitCode::kBadInput, "does not say that it was deleted here");
}

TEST_F(Reap, RefusesLinks) {
    std::string const confirm = word();
    TempDir const dir;
    fs::create_hard_link(dataset_.volume_path(0), dir / "second_name.npz");
    expect_refused(confirm, ExitCode::kBadInput, "has 2 names");
    fs::remove(dataset_.volume_path(0));
    fs::create_symlink(dir / "second_name.npz", dataset_.volume_path(0));
    expect_refused(confirm, ExitCode::kBadInput, "is no regular file");
    EXPECT_TRUE(fs::exists(dir / "second_name.npz"));
}

TEST_F(Reap, TakesALinkedFolderOfSources) {
    std::string const confirm = word();
    TempDir const elsewhere;
    fs::copy(dataset_.options.volumes, elsewhere / "npz", fs::copy_options::recursive);
    std::string const original = dataset_.options.volumes;
    fs::remove_all(original);
    fs::create_symlink(elsewhere / "npz", original);
    EXPECT_EQ(run(confirm).num_sources, 4U);
}

TEST_F(Reap, RefusesSourcesBehindALinkInsideTheFolder) {
    TempDir const elsewhere;
    fs::copy(dataset_.options.volumes, elsewhere / "npz", fs::copy_options::recursive);
    fs::remove_all(dataset_.options.volumes);
    fs::remove_all(dataset_.options.output);
    fs::create_directory(dataset_.options.volumes);
    fs::create_symlink(elsewhere / "npz", dataset_.options.volumes / "linked");
    dataset_.run();
    EXPECT_THAT([&] { word(); }, testing::ThrowsMessage<Error>(HasSubstr("behind a linked folder")));
    EXPECT_EQ(content_of(elsewhere / "npz").size(), 4U);
}

TEST_F(Reap, RefusesAFolderInUse) {
    std::string const confirm = word();
    OutputLock const lock(dataset_.options.output, "ctclip-convert");
    expect_refused(confirm, ExitCode::kCannotCreate, "is in use by ctclip-convert");
}

TEST_F(Reap, RefusesShardsOfAnotherPlanOrWithout) {
    fs::remove(dataset_.options.output / "plan.json");
    expect_refused("x", ExitCode::kBadInput, "has no plan.json");
}

TEST_F(Reap, KeepsTheSourcesOfUnfinishedShards) {
    fs::remove(shard(1));
    ReapReport const report = run(word());
    EXPECT_EQ(report.num_sources, 2U);
    EXPECT_EQ(report.num_unfinished, 1U);
    EXPECT_EQ(content_of(dataset_.options.volumes).size(), 2U);
    fs::remove(sidecar_path(shard(1)));
    dataset_.run();  // converts the second shard from the sources that stayed
    expect_shards_untouched();
}

TEST_F(Reap, GoesOnBehindALineThatACrashTore) {
    std::string const confirm = word();
    std::ofstream(journal()) << R"({"event":"deleting","source":")";
    EXPECT_EQ(run(confirm).num_sources, 4U);
    EXPECT_THAT(read_text_file(journal()), testing::StartsWith(R"({"event":"deleting","time":)"));
    EXPECT_NO_THROW(ReapJournal{dataset_.options.output});
}

TEST_F(Reap, KilledAtAnySystemCallLosesNothing) {
    std::string const confirm = word();
    int num_killed = 0;
    for (int call = 1;; ++call) {
        restore_sources();
        bool const was_killed = killed_at_call(call, [&] { run(confirm); });
        expect_nothing_lost();
        run(confirm);
        expect_nothing_lost();
        ASSERT_TRUE(content_of(dataset_.options.volumes).empty()) << "killed at system call " << call;
        expect_shards_untouched();
        ASSERT_FALSE(HasFailure()) << "killed at system call " << call;
        if (!was_killed) {
            break;
        }
        ++num_killed;
    }
    EXPECT_GT(num_killed, 100);
    RecordProperty("kills", num_killed);
}

/// Compressed, with a scaling and turned axes: all that a fresh conversion has to do again.
TEST_F(Reap, NiftiSourcesAreProvenAndDeletedToo) {
    MadeNifti made;
    made.size = {6, 5, 4};
    made.affine = {{{0.75, 0, 0}, {0, -0.75, 0}, {0, 0, 1.5}}};  // from left to right
    made.slope = 0.5;
    for (int k = 0; k < 120; ++k) {
        made.voxels.push_back(3 * k);
    }
    fs::remove(dataset_.volume_path(0));
    fs::remove_all(dataset_.options.output);
    fs::path const source = made.write(dataset_.options.volumes / (MadeDataset::study_id(0) + ".nii.gz"));
    dataset_.run();
    std::string const confirm = word();

    made.voxels[7] += 1;  // a file of another content
    made.write(source);
    expect_refused(confirm, ExitCode::kBadInput, "is not the file that was converted");
    made.voxels[7] -= 1;
    made.write(source);
    EXPECT_EQ(run(confirm).num_sources, 4U);
    EXPECT_FALSE(fs::exists(source));
}

/// Every digest agrees, but the sidecar's source gives other voxels than the shard has.
TEST_F(Reap, RefusesAShardWhoseVoxelsAreNotTheNiftis) {
    MadeNifti made;
    made.size = {6, 5, 4};
    made.voxels.assign(120, 5.0);
    fs::remove(dataset_.volume_path(0));
    fs::remove_all(dataset_.options.output);
    made.write(dataset_.options.volumes / (MadeDataset::study_id(0) + ".nii"));
    dataset_.run();
    write_shard_anew([](auto& volumes) { volumes[0][17] ^= 1U; });
    EXPECT_THAT([&] { word(); }, testing::ThrowsMessage<Error>(
                                     AllOf(HasSubstr("train_0_a_1.nii"), HasSubstr("first in voxel"))));
}

TEST_F(Reap, SaturatedAndPreprocessedSamplesAreProvenToo) {
    std::vector<float> voxels(120, 1.0F);
    voxels[7] = 1e6F;
    dataset_.write_volume(0, voxels);
    fs::remove_all(dataset_.options.output);
    dataset_.options.out_of_range = OutOfRangePolicy::kSaturate;
    dataset_.options.layout = VolumeLayout::kPreprocessed;
    VolumePreprocessor const doubled = [](SampleMetadata const& metadata,
                                          std::span<std::uint16_t const> halves) {
        PreprocessedVolume volume{
            {metadata.volume_shape[0] * 2, metadata.volume_shape[1], metadata.volume_shape[2]},
            {halves.begin(), halves.end()}};
        volume.halves.insert(volume.halves.end(), halves.begin(), halves.end());
        return volume;
    };
    ConvertEnvironment environment = dataset_.environment();
    environment.preprocess = doubled;
    convert(dataset_.options, environment);
    ReapEnvironment reaping = silent();
    reaping.preprocess = doubled;
    ReapOptions options{dataset_.options.output, dataset_.options.volumes, std::nullopt};
    ReapReport const dry_run = reap(options, reaping);
    EXPECT_EQ(dry_run.num_saturated_voxels, 1);
    EXPECT_EQ(dry_run.num_resampled, 4U);
    options.confirm = dry_run.confirmation_word;
    EXPECT_EQ(reap(options, reaping).num_sources, 4U);
}

TEST_F(Reap, RefusesAFileWithArraysThatNoShardHas) {
    fs::path const path = dataset_.volume_path(2);
    std::string const save =
        "import numpy as np, sys; np.savez(sys.argv[1], data=np.ones((4, 5, 6)), lung_mask=np.ones(3))";
    ASSERT_EQ(Process({CTCLIP_PEER_PYTHON, "-c", save, path.string()}).wait().exit_code, 0);
    fs::remove_all(dataset_.options.output);
    dataset_.run();
    EXPECT_THAT([&] { word(); },
                testing::ThrowsMessage<Error>(AllOf(HasSubstr("holds 2 arrays (data.npy, lung_mask.npy)"))));
}

}  // namespace
}  // namespace ctclip
