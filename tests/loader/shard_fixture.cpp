#include "loader/shard_fixture.hpp"

#include <fmt/format.h>


#include "base/half.hpp"
#include "base/splitmix64.hpp"
#include "loader/shard_list.hpp"
#include "shard/shard_writer.hpp"
#include "support/damaged_shard.hpp"

namespace ctclip {

MadeSample make_sample(std::size_t shard, std::size_t position) {
    MadeSample sample;
    sample.key = sample_key(shard, position);
    std::uint64_t const seed = shard * 1000 + position;
    sample.metadata.study_id = fmt::format("train_{}_a_{}", shard, position);
    sample.metadata.volume_shape = {static_cast<std::int64_t>(8 + seed % 5),
                                    static_cast<std::int64_t>(9 + seed % 3),
                                    static_cast<std::int64_t>(6 + seed % 4)};
    sample.metadata.rescale_slope = 1.0;
    sample.metadata.rescale_intercept = -1024.0;
    sample.metadata.xy_spacing = "[0.9, 0.9]";
    sample.metadata.xy_spacing_mm = 0.9;
    sample.metadata.z_spacing_mm = 2.0;
    for (std::int64_t index = 0; index < num_voxels(sample.metadata.volume_shape); ++index) {
        std::uint64_t const bits = splitmix64(seed, static_cast<std::uint64_t>(index));
        sample.voxels.push_back(half_from(static_cast<double>(bits % 2048)));
    }
    sample.report = fmt::format("lung nodule {} (left).\nno nodule", seed);
    for (std::size_t label = 0; label < kNumLabels; ++label) {
        sample.labels.push_back((seed >> (label % 8) & 1U) != 0 ? 1.0F : 0.0F);
    }
    return sample;
}

ShardFixture::ShardFixture(std::size_t num_shards, std::size_t samples_per_shard) {
    for (std::size_t index = 0; index < num_shards; ++index) {
        ShardWriter writer(shard(index), "");
        for (std::size_t position = 0; position < samples_per_shard; ++position) {
            MadeSample sample = make_sample(index, position);
            writer.add(sample.key, sample.metadata, sample.voxels, sample.report, sample.labels,
                       std::nullopt);
            samples_.push_back(std::move(sample));
        }
        writer.commit();
    }
}

std::filesystem::path ShardFixture::shard(std::size_t index) const {
    return folder_ / shard_name(index);
}

std::shared_ptr<ShardSource const> ShardFixture::open() const {
    return std::make_shared<ShardSource const>(resolve_shards(folder().string()));
}

void ShardFixture::damage(std::size_t shard_index, std::string const& key, std::string const& suffix) const {
    damage_member(shard(shard_index), key, suffix);
}

DataOptions small_data_options() {
    DataOptions options;
    options.target_shape = {10, 16, 12};
    options.batch_size = 2;
    options.num_workers = 1;
    options.prefetch_factor = 1;
    return options;
}

LoaderOptions one_pass(DataOptions const& data) {
    LoaderOptions options;
    options.data = data;
    options.remainder = Remainder::kPad;
    options.epochs = Epochs::kOne;
    options.max_tokens = 12;
    return options;
}

std::shared_ptr<WordPieceTokenizer const> small_tokenizer() {
    return std::make_shared<WordPieceTokenizer const>(Vocabulary::parse(
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\nlung\nnodule\nno\nleft\n.\n0\n1\n##1\n", "test vocabulary"));
}

}  // namespace ctclip
