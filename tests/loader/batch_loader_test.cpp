#include "loader/batch_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "kernels/preprocess.hpp"
#include "loader/shard_fixture.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Everything that a consumer sees of the first `max_batches` batches; `state` is where it then stands.
std::vector<std::string> fingerprints(BatchLoader& loader, std::size_t max_batches, SamplerState& state) {
    std::vector<std::string> all;
    while (all.size() < max_batches) {
        BatchLease const batch = loader.next();
        if (batch == nullptr) {
            break;
        }
        Sha256 sha256;
        sha256.update(std::as_bytes(batch->volumes));
        sha256.update(std::as_bytes(std::span(batch->token_ids)));
        sha256.update(std::as_bytes(std::span(batch->attention_mask)));
        sha256.update(std::as_bytes(std::span(batch->labels)));
        for (std::size_t row = 0; row < batch->keys.size(); ++row) {
            sha256.update(batch->keys[row] + "," + batch->study_ids[row] + ";");
        }
        all.push_back(sha256.finish_hex());
        state = batch->state_after;
    }
    return all;
}

TEST(BatchLoader, GivesPreprocessedVolumesTokensAndLabels) {
    ShardFixture const shards(2, 3);
    DataOptions data = small_data_options();
    data.shuffle = false;
    BatchLoader loader(shards.open(), one_pass(data), small_tokenizer(), {});
    std::size_t next_sample = 0;
    while (BatchLease const batch = loader.next()) {
        ASSERT_EQ(batch->num_valid, 2);
        for (std::size_t row = 0; row < 2; ++row, ++next_sample) {
            MadeSample const& sample = shards.samples()[next_sample];
            SampleMetadata const& metadata = sample.metadata;
            PreprocessRecipe const recipe =
                make_recipe(plan_geometry(metadata.volume_shape, 0.9, 2.0, data.target_grid()), 1.0, -1024.0,
                            ClipOrder::kClipThenResize);
            std::size_t num_wrong = 0;
            for (std::int32_t z = 0; z < 10; ++z) {
                for (std::int32_t x = 0; x < 16; ++x) {
                    for (std::int32_t y = 0; y < 12; ++y) {
                        float const found = batch->volumes[row * 10 * 16 * 12 +
                                                           static_cast<std::size_t>((z * 16 + x) * 12 + y)];
                        num_wrong +=
                            found == preprocessed_voxel(recipe, sample.voxels.data(), z, x, y) ? 0 : 1;
                    }
                }
            }
            EXPECT_EQ(num_wrong, 0U) << sample.key;
            EXPECT_EQ(batch->study_ids[row], metadata.study_id);
            EXPECT_EQ(batch->keys[row], sample.key);
            EXPECT_TRUE(std::equal(sample.labels.begin(), sample.labels.end(),
                                   batch->labels.begin() + static_cast<std::ptrdiff_t>(row * kNumLabels)));
        }
    }
    EXPECT_EQ(next_sample, 6U);
}

TEST(BatchLoader, TokensArePaddedAndMasked) {
    ShardFixture const shards(1, 1);
    DataOptions data = small_data_options();
    data.batch_size = 1;
    data.report_text = ReportText::kFindings;
    BatchLoader loader(shards.open(), one_pass(data), small_tokenizer(), {});
    BatchLease const batch = loader.next();
    // "lung nodule 0 left."
    EXPECT_THAT(batch->token_ids, ElementsAre(2, 4, 5, 9, 7, 8, 3, 0, 0, 0, 0, 0));
    EXPECT_THAT(batch->attention_mask, ElementsAre(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0));
    EXPECT_THAT(batch->token_counts, ElementsAre(7));
}

TEST(BatchLoader, SequenceDoesNotDependOnThreadsOrPrefetch) {
    ShardFixture const shards(3, 5);
    auto const sequence_of = [&](std::int64_t num_workers, std::int64_t prefetch_factor) {
        LoaderOptions options;
        options.data = small_data_options();
        options.data.num_workers = num_workers;
        options.data.prefetch_factor = prefetch_factor;
        SamplerState state{.seed = 11};
        BatchLoader loader(shards.open(), options, small_tokenizer(), state);
        return fingerprints(loader, 20, state);
    };
    std::vector<std::string> const expected = sequence_of(0, 1);
    ASSERT_EQ(expected.size(), 20U);
    for (std::int64_t const num_workers : {1, 2, 3, 8}) {
        for (std::int64_t const prefetch_factor : {1, 4}) {
            EXPECT_EQ(sequence_of(num_workers, prefetch_factor), expected) << num_workers << " threads";
        }
    }
}

TEST(BatchLoader, ResumesAtTheStateOfTheLastUsedBatch) {
    ShardFixture const shards(2, 7);
    LoaderOptions options;
    options.data = small_data_options();
    options.data.num_workers = 3;
    SamplerState state{.seed = 9};
    BatchLoader whole(shards.open(), options, small_tokenizer(), state);
    std::vector<std::string> const expected = fingerprints(whole, 12, state);

    state = {.seed = 9};
    std::vector<std::string> found;
    for (std::size_t const num_batches : {1, 4, 2, 5}) {
        BatchLoader loader(shards.open(), options, small_tokenizer(), state);
        std::vector<std::string> const more = fingerprints(loader, num_batches, state);
        found.insert(found.end(), more.begin(), more.end());
    }
    EXPECT_EQ(found, expected);
}

TEST(BatchLoader, RefusesAStateOfAnotherDataset) {
    ShardFixture const shards(1, 4);
    ShardFixture const other(1, 5);
    LoaderOptions options;
    options.data = small_data_options();
    BatchLoader loader(shards.open(), options, nullptr, {});
    SamplerState const state = loader.next()->state_after;
    EXPECT_THAT([&] { BatchLoader(other.open(), options, nullptr, state); },
                ThrowsMessage<Error>(HasSubstr("belongs to another dataset")));
}

TEST(BatchLoader, PadsTheLastBatchWithMarkedRows) {
    ShardFixture const shards(1, 3);
    BatchLoader loader(shards.open(), one_pass(small_data_options()), small_tokenizer(), {});
    EXPECT_EQ(loader.next()->num_valid, 2);
    BatchLease const batch = loader.next();
    EXPECT_EQ(batch->num_valid, 1);
    EXPECT_EQ(batch->study_ids[1], "");
    EXPECT_THAT(batch->volumes.subspan(10 * 16 * 12), Each(-1.0F));
    EXPECT_TRUE(std::isnan(batch->labels[kNumLabels]));
    EXPECT_THAT(std::span(batch->token_ids).subspan(12, 3), ElementsAre(2, 3, 0));
    EXPECT_EQ(loader.next(), nullptr);
    EXPECT_EQ(loader.next(), nullptr);
}

TEST(BatchLoader, AnErrorNamesShardMemberAndCauseAndStays) {
    ShardFixture const shards(2, 2);
    shards.damage(1, "000001_000000", "bin");
    for (std::int64_t const num_workers : {0, 1, 4}) {
        DataOptions data = small_data_options();
        data.shuffle = false;
        data.num_workers = num_workers;
        BatchLoader loader(shards.open(), one_pass(data), nullptr, {});
        EXPECT_NE(loader.next(), nullptr);
        for (int attempt = 0; attempt < 2; ++attempt) {
            EXPECT_THAT([&] { loader.next(); },
                        ThrowsMessage<Error>(AllOf(HasSubstr("shard-000001.tar"),
                                                   HasSubstr("000001_000000.bin"), HasSubstr("CRC-32C"))));
        }
    }
}

TEST(BatchLoader, NamesTheSampleWhoseGeometryIsImpossible) {
    ShardFixture const shards(1, 2);
    DataOptions data = small_data_options();
    data.target_spacing_mm = {100.0, 0.75, 0.75};
    BatchLoader loader(shards.open(), one_pass(data), nullptr, {});
    EXPECT_THAT(
        [&] { loader.next(); },
        ThrowsMessage<Error>(AllOf(HasSubstr("shard-000000.tar: sample 000000_00000"), HasSubstr("z axis"))));
}

/// Counts what is allocated through it.
class CountingMemory final : public HostMemory {
  public:
    std::byte* allocate(std::size_t size_bytes) override {
        allocated_bytes += size_bytes;
        return ordinary_memory().allocate(size_bytes);
    }
    void release(std::byte* memory, std::size_t size_bytes) noexcept override {
        allocated_bytes -= size_bytes;
        ordinary_memory().release(memory, size_bytes);
    }
    std::atomic<std::size_t> allocated_bytes = 0;
};

LoaderOptions four_threads_three_ahead() {
    LoaderOptions options;
    options.data = small_data_options();
    options.data.num_workers = 4;
    options.data.prefetch_factor = 3;
    return options;
}

TEST(BatchLoader, BatchMemoryIsFixedAndWithinTheStatedBound) {
    ShardFixture const shards(2, 10);
    CountingMemory memory;
    {
        BatchLoader loader(shards.open(), four_threads_three_ahead(), nullptr, {}, memory);
        std::size_t const batch_bytes = std::size_t{2} * 10 * 16 * 12 * sizeof(float);
        std::size_t const at_start = memory.allocated_bytes;
        EXPECT_EQ(at_start, 4 * batch_bytes);
        for (int batch = 0; batch < 30; ++batch) {
            loader.next();
        }
        EXPECT_EQ(memory.allocated_bytes, at_start);
        EXPECT_LE(at_start + 4 * std::size_t{12 * 11 * 9 * 2},
                  loader.memory_bound_bytes() + 4 * std::size_t{2048});
    }
    EXPECT_EQ(memory.allocated_bytes, 0U);
}

TEST(BatchLoader, StoredVolumesStayWithinTheStatedBound) {
    ShardFixture const shards(2, 10);
    CountingMemory memory;
    {
        LoaderOptions options = four_threads_three_ahead();
        options.form = VolumeForm::kStored;
        auto const source = shards.open();
        BatchLoader loader(source, options, nullptr, {}, memory);
        for (int batch = 0; batch < 60; ++batch) {
            BatchLease const lease = loader.next();
            EXPECT_TRUE(lease->volumes.empty());
            EXPECT_EQ(lease->stored.size(), 2U);
            EXPECT_LE(memory.allocated_bytes, loader.memory_bound_bytes());
        }
        EXPECT_EQ(loader.memory_bound_bytes(), 4 * 2 * allocated_bytes(source->largest_volume_bytes()));
    }
    EXPECT_EQ(memory.allocated_bytes, 0U);
}

TEST(BatchLoader, HoldingTooManyBatchesIsAnErrorNotAHang) {
    ShardFixture const shards(1, 8);
    LoaderOptions options;
    options.data = small_data_options();
    BatchLoader loader(shards.open(), options, nullptr, {});
    BatchLease const first = loader.next();
    BatchLease const second = loader.next();
    EXPECT_THAT([&] { loader.next(); }, ThrowsMessage<Error>(HasSubstr("give one back")));
}

TEST(BatchLoader, EndsPromptlyWithWorkInFlight) {
    ShardFixture const shards(2, 10);
    for (int attempt = 0; attempt < 50; ++attempt) {
        LoaderOptions options;
        options.data = small_data_options();
        options.data.num_workers = 4;
        options.data.prefetch_factor = 2;
        BatchLoader loader(shards.open(), options, nullptr, {.seed = static_cast<std::uint64_t>(attempt)});
        if (attempt % 2 == 0) {
            loader.next();
        }
    }
}

TEST(BatchLoader, RanksShareEachGlobalBatch) {
    ShardFixture const shards(2, 4);
    std::vector<std::string> together;
    std::vector<std::string> shared;
    LoaderOptions options = one_pass(small_data_options());
    options.data.batch_size = 4;
    BatchLoader one_rank(shards.open(), options, nullptr, {.seed = 4});
    while (BatchLease const batch = one_rank.next()) {
        together.insert(together.end(), batch->keys.begin(), batch->keys.end());
    }
    options.data.batch_size = 2;
    options.world_size = 2;
    BatchLoader rank_0(shards.open(), options, nullptr, {.seed = 4});
    options.rank = 1;
    BatchLoader rank_1(shards.open(), options, nullptr, {.seed = 4});
    for (int batch = 0; batch < 2; ++batch) {
        for (BatchLoader* const rank : {&rank_0, &rank_1}) {
            BatchLease const lease = rank->next();
            shared.insert(shared.end(), lease->keys.begin(), lease->keys.end());
        }
    }
    EXPECT_EQ(shared, together);
}

TEST(BatchLoader, ReportsWhereTimeGoes) {
    ShardFixture const shards(1, 4);
    BatchLoader loader(shards.open(), one_pass(small_data_options()), small_tokenizer(), {});
    while (loader.next() != nullptr) {
    }
    StageTimes const times = loader.stage_times();
    EXPECT_EQ(times.num_samples, 4);
    EXPECT_GT(times.read_s, 0.0);
    EXPECT_GT(times.checksum_s, 0.0);
    EXPECT_GT(times.preprocess_s, 0.0);
    EXPECT_GT(times.bytes_read, 0U);
    EXPECT_THAT(times.slowest_stage(), testing::AnyOf("reading", "verifying checksums", "preprocessing", "tokenizing"));
}

}  // namespace
}  // namespace ctclip
