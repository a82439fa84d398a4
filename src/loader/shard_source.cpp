#include "loader/shard_source.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

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

using Readers = std::vector<std::unique_ptr<ShardReader const>>;

/// In the order of `shards`, by several threads: an archive has hundreds, and decoding their indexes, or waiting for a
/// cluster's file system, is what a run starts with. @throws the error of the first shard that has one.
Readers open_shards(std::span<std::filesystem::path const> shards) {
    constexpr std::size_t kMaxThreads = 8;
    Readers readers(shards.size());
    std::vector<std::exception_ptr> errors(shards.size());
    std::atomic<std::size_t> next{0};
    auto const open_some = [&] {
        for (std::size_t i = next++; i < shards.size(); i = next++) {
            try {
                auto reader = std::make_unique<ShardReader const>(shards[i]);
                reader->require_complete_samples();
                readers[i] = std::move(reader);
            } catch (...) {
                errors[i] = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        std::size_t const num_threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
        for (std::size_t i = 1; i < std::min(num_threads, shards.size()); ++i) {
            threads.emplace_back(open_some);
        }
        open_some();
    }
    for (std::exception_ptr const& error : errors) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
    return readers;
}

}  // namespace

ShardSource::ShardSource(std::span<std::filesystem::path const> shards) : shards_(open_shards(shards)) {
    Sha256 sha256;
    for (auto const& reader : shards_) {
        num_shards_without_checksums_ += has_checksums(reader->index()) ? 0 : 1;
        for (ShardSample const& sample : reader->index().samples) {
            samples_.push_back({reader.get(), &sample});
            largest_volume_bytes_ = std::max(largest_volume_bytes_, sample.find("bin")->size_bytes);
            add_to_digest(sha256, reader->index().path.filename().string(), sample);
        }
    }
    digest_ = sha256.finish_hex();
}

SourceSample ShardSource::read(std::int64_t index, HostBuffer& voxels) const {
    return read_sample(index, voxels, nullptr);
}

SourceSample ShardSource::read_in_planes(std::int64_t index, HostBuffer& voxels, PlaneSink const& use_plane) const {
    return read_sample(index, voxels, &use_plane);
}

SourceSample ShardSource::read_sample(std::int64_t index, HostBuffer& voxels, PlaneSink const* use_plane) const {
    auto const& [shard, sample] = location(index);
    SourceSample result;
    result.key = sample->key;
    result.metadata = shard->read_metadata(*sample);
    result.report = shard->read_report(*sample);
    result.labels = shard->read_labels(*sample);
    VolumeShape const& shape = result.metadata.volume_shape;
    if (use_plane != nullptr && result.metadata.layout == VolumeLayout::kPreprocessed) {
        auto const plane = voxels.resize<std::uint16_t>(static_cast<std::size_t>(shape[1] * shape[2]));
        std::int64_t x = 0;
        result.checksum_s =
            shard->read_volume_in_parts(*sample, plane, [&] { (*use_plane)(result.metadata, x++, plane); });
    } else {
        auto const volume = voxels.resize<std::uint16_t>(static_cast<std::size_t>(num_voxels(shape)));
        result.checksum_s = shard->read_volume(*sample, volume);
        result.voxels = volume;
    }
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
