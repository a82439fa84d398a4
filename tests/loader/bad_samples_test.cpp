#include "loader/bad_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "base/error.hpp"
#include "loader/batch_loader.hpp"
#include "loader/shard_fixture.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

LoaderOptions replacing_options(std::int64_t batch_size, int rank, int world_size) {
    LoaderOptions options;
    options.data = small_data_options();
    options.data.batch_size = batch_size;
    options.data.bad_samples = BadSamplePolicy::kReplace;
    options.rank = rank;
    options.world_size = world_size;
    return options;
}

/// The keys of the first batches of one rank.
std::vector<std::string> keys_of(BatchLoader& loader, int num_batches) {
    std::vector<std::string> keys;
    for (int batch = 0; batch < num_batches; ++batch) {
        BatchLease const lease = loader.next();
        keys.insert(keys.end(), lease->keys.begin(), lease->keys.end());
    }
    return keys;
}

TEST(BadSamples, AReplacedSampleNeverComesAndTheOthersKeepTheirPlaces) {
    ShardFixture const good(2, 6);
    ShardFixture const damaged(2, 6);
    damaged.damage(1, "000001_000002", "bin");
    BatchLoader expected_loader(good.open(), replacing_options(2, 0, 1), nullptr, {.seed = 6});
    BatchLoader loader(damaged.open(), replacing_options(2, 0, 1), nullptr, {.seed = 6});
    std::vector<std::string> const expected = keys_of(expected_loader, 18);
    std::vector<std::string> const found = keys_of(loader, 18);
    for (std::size_t index = 0; index < expected.size(); ++index) {
        EXPECT_NE(found[index], "000001_000002");
        if (expected[index] != "000001_000002") {
            EXPECT_EQ(found[index], expected[index]);
        }
    }
    EXPECT_EQ(loader.num_bad_samples(), 1);
    EXPECT_EQ(expected_loader.num_bad_samples(), 0);
}

TEST(BadSamples, ReplacementsDoNotDependOnTheWorldSize) {
    ShardFixture const shards(2, 6);
    shards.damage(0, "000000_000003", "bin");
    shards.damage(1, "000001_000004", "txt");
    BatchLoader one(shards.open(), replacing_options(4, 0, 1), nullptr, {.seed = 8});
    BatchLoader first(shards.open(), replacing_options(2, 0, 2), nullptr, {.seed = 8});
    BatchLoader second(shards.open(), replacing_options(2, 1, 2), nullptr, {.seed = 8});
    for (int batch = 0; batch < 9; ++batch) {
        std::vector<std::string> together = keys_of(first, 1);
        std::vector<std::string> const rest = keys_of(second, 1);
        together.insert(together.end(), rest.begin(), rest.end());
        EXPECT_EQ(together, keys_of(one, 1));
    }
}

TEST(BadSamples, AWarningHasTheStudysPseudonymOnAnyRankAndTheCount) {
    ShardFixture const shards(2, 6);
    shards.damage(1, "000001_000002", "bin");
    shards.damage(1, "000001_000004", "json");  // its study is not to be known
    std::string const with_metadata = pseudonym(6, "train_1_a_2");
    std::string const without_metadata = pseudonym(6, "000001_000004");
    for (auto const& [rank, world_size] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)}) {
        auto const source = shards.open();
        testing::internal::CaptureStderr();  // the loader's threads start at once
        BatchLoader loader(source, replacing_options(2, rank, world_size), nullptr, {.seed = 6});
        keys_of(loader, 30);
        std::string const log = testing::internal::GetCapturedStderr();
        EXPECT_THAT(log, HasSubstr("study " + with_metadata + " cannot be used (its data is wrong)"));
        EXPECT_THAT(log, HasSubstr("study " + without_metadata + " cannot be used"));
        EXPECT_THAT(log, HasSubstr("That makes 2 on this rank"));
        EXPECT_THAT(log, testing::Not(HasSubstr("train_1_a_2")));
        EXPECT_EQ(loader.num_bad_samples(), 2);
    }
}

TEST(BadSamples, TheBudgetEndsTheRun) {
    ShardFixture const shards(1, 6);
    shards.damage(0, "000000_000001", "bin");
    shards.damage(0, "000000_000002", "bin");
    LoaderOptions options = replacing_options(2, 0, 1);
    options.data.max_bad_samples = 1;
    BatchLoader loader(shards.open(), options, nullptr, {.seed = 1});
    EXPECT_THAT([&] { keys_of(loader, 3); },
                ThrowsMessage<Error>(HasSubstr("2 samples are bad, data.max_bad_samples allows 1")));
}

TEST(BadSamples, PseudonymsDependOnTheSeedAndHideTheName) {
    EXPECT_EQ(pseudonym(1, "train_1_a_1"), pseudonym(1, "train_1_a_1"));
    EXPECT_NE(pseudonym(1, "train_1_a_1"), pseudonym(2, "train_1_a_1"));
    EXPECT_NE(pseudonym(1, "train_1_a_1"), pseudonym(1, "train_1_a_2"));
    EXPECT_THAT(pseudonym(1, "train_1_a_1"), testing::MatchesRegex("[0-9a-f]{12}"));
}

TEST(BadSamples, ReplacementsReachEverySample) {
    std::set<std::int64_t> seen;
    for (std::int64_t position = 0; position < 200; ++position) {
        std::int64_t const index = replacement_index(3, 1, position, 0, 10);
        ASSERT_GE(index, 0);
        ASSERT_LT(index, 10);
        seen.insert(index);
    }
    EXPECT_EQ(seen.size(), 10U);
}

/// Fails the first reads of every sample with an I/O error.
class FlakySource final : public SampleSource {
  public:
    FlakySource(std::shared_ptr<SampleSource const> source, int num_failures)
        : source_(std::move(source)), failures_left_(num_failures) {}

    std::int64_t size() const override { return source_->size(); }
    SourceSample read(std::int64_t index, HostBuffer& voxels) const override {
        if (failures_left_-- > 0) {
            fail(ExitCode::kIoError, "read: Input/output error");
        }
        return source_->read(index, voxels);
    }
    bool has_labels(std::int64_t index) const override { return source_->has_labels(index); }
    std::string describe(std::int64_t index) const override { return source_->describe(index); }
    std::string study_id(std::int64_t index) const override { return source_->study_id(index); }
    std::vector<SampleGroup> groups() const override { return source_->groups(); }
    std::uint64_t largest_volume_bytes() const override { return source_->largest_volume_bytes(); }
    std::string const& digest() const override { return source_->digest(); }

  private:
    std::shared_ptr<SampleSource const> source_;
    mutable std::atomic<int> failures_left_;
};

TEST(BadSamples, AFailedReadIsTriedAgainAsOftenAsAllowed) {
    ShardFixture const shards(1, 4);
    LoaderOptions options;
    options.data = small_data_options();
    options.data.num_workers = 0;
    options.data.read_retries = 2;
    BatchLoader patient(std::make_shared<FlakySource const>(shards.open(), 2), options, nullptr, {});
    EXPECT_NE(patient.next(), nullptr);
    options.data.read_retries = 1;
    BatchLoader impatient(std::make_shared<FlakySource const>(shards.open(), 2), options, nullptr, {});
    EXPECT_THAT([&] { impatient.next(); }, ThrowsMessage<Error>(HasSubstr("Input/output error")));
}

}  // namespace
}  // namespace ctclip
