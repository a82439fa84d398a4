/// Small shards for tests: volumes of noise, reports and labels that depend on the sample's number.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "loader/batch_loader.hpp"
#include "loader/shard_source.hpp"
#include "shard/sample.hpp"
#include "support/temp_dir.hpp"
#include "text/wordpiece_tokenizer.hpp"

namespace ctclip {

struct MadeSample {
    std::string key;
    SampleMetadata metadata;
    std::vector<std::uint16_t> voxels;
    std::string report;
    std::vector<float> labels;
};

MadeSample make_sample(std::size_t shard, std::size_t position);

/// num_shards shards of samples_per_shard samples in a folder of their own, each with its sidecar.
class ShardFixture {
  public:
    ShardFixture(std::size_t num_shards, std::size_t samples_per_shard);

    std::filesystem::path const& folder() const { return folder_.path(); }
    std::filesystem::path shard(std::size_t index) const;
    std::vector<MadeSample> const& samples() const { return samples_; }
    std::shared_ptr<ShardSource const> open() const;
    /// Flips one bit of a member's content.
    void damage(std::size_t shard, std::string const& key, std::string const& suffix) const;

  private:
    TempDir folder_;
    std::vector<MadeSample> samples_;
};

/// A target of 10 x 16 x 12 voxels, one thread, batches of 2.
DataOptions small_data_options();
/// One epoch, its last batch padded, reports of up to 12 tokens.
LoaderOptions one_pass(DataOptions const& data);
std::shared_ptr<WordPieceTokenizer const> small_tokenizer();

}  // namespace ctclip
