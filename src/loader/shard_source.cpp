#include "loader/shard_source.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace ctclip {
namespace {

void add_to_digest(Sha256& sha256, std::string const& shard_name, ShardSample const& sample) {
    for (ShardMember const& member : sample.members) {
        sha256.update(fmt::format("{}\n{}\n{}\n{}\n", shard_name, member.name, member.size_bytes,
                                  member.crc32c ? fmt::format("{:08x}", *member.crc32c) : ""));
    }
}

bool has_checksums(ShardIndex const& index) {
    return std::ranges::all_of(index.samples, [](ShardSample const& sample) {
        return std::ranges::all_of(sample.members,
                                   [](ShardMember const& member) { return member.crc32c.has_value(); });
    });
}

}  // namespace

ShardSource::ShardSource(std::span<std::filesystem::path const> shards) {
    Sha256 sha256;
    for (std::filesystem::path const& path : shards) {
        auto reader = std::make_unique<ShardReader const>(path);
        reader->require_complete_samples();
        num_shards_without_checksums_ += has_checksums(reader->index()) ? 0 : 1;
        for (ShardSample const& sample : reader->index().samples) {
            samples_.push_back({reader.get(), &sample});
            largest_volume_bytes_ = std::max(largest_volume_bytes_, sample.find("bin")->size_bytes);
            add_to_digest(sha256, path.filename().string(), sample);
        }
        shards_.push_back(std::move(reader));
    }
    digest_ = sha256.finish_hex();
}

SourceSample ShardSource::read(std::int64_t index, HostBuffer& voxels) const {
    auto const& [shard, sample] = location(index);
    SourceSample result;
    result.key = sample->key;
    result.metadata = shard->read_metadata(*sample);
    result.report = shard->read_report(*sample);
    result.labels = shard->read_labels(*sample);
    std::span<std::uint16_t> const halves =
        voxels.resize<std::uint16_t>(static_cast<std::size_t>(num_voxels(result.metadata.volume_shape)));
    shard->read_volume(*sample, halves);
    result.voxels = halves;
    return result;
}

bool ShardSource::has_labels(std::int64_t index) const {
    return location(index).sample->find("labels") != nullptr;
}

std::string ShardSource::study_id(std::int64_t index) const {
    auto const& [shard, sample] = location(index);
    try {
        return shard->read_metadata(*sample).study_id;
    } catch (Error const&) {
        return sample->key;
    }
}

std::vector<SampleGroup> ShardSource::groups() const {
    std::vector<SampleGroup> groups;
    for (auto const& shard : shards_) {
        ShardIndex const& index = shard->index();
        groups.push_back({std::ssize(index.samples), index.size_bytes});
    }
    return groups;
}

std::string ShardSource::describe(std::int64_t index) const {
    auto const& [shard, sample] = location(index);
    return fmt::format("{}: sample {}", shard->index().path.string(), sample->key);
}

}  // namespace ctclip
