/// Proof that a converted sample is what its source gives: the source is read afresh, converted again, and
/// compared voxel by voxel with the shard.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/large_memory.hpp"
#include "convert/sample_converter.hpp"
#include "convert/source_reader.hpp"
#include "shard/shard_reader.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

/// Its memory is reused from sample to sample.
class SourceCheck {
  public:
    /// @param sources     the folder that record.source_path is relative to.
    /// @param preprocess  needed for layout `preprocessed` only.
    SourceCheck(std::filesystem::path sources, VolumePreprocessor preprocess);

    /// @throws Error kBadInput if the sidecar names a path outside the folder.
    std::filesystem::path path_of(ConversionRecord const& record) const;

    /// @param reader  of the shard that holds the sample.
    /// @throws Error kBadInput naming sample and source: no source on record, the source is gone or changed,
    /// or a
    ///         voxel differs (the first one); kTryAgain if the source is being written; kIoError.
    void check(ShardReader const& reader, SidecarSample const& sample);

  private:
    void convert_source(ConversionRecord const& record, std::filesystem::path const& path);
    void preprocess_like(SidecarSample const& sample);

    std::filesystem::path sources_;
    VolumePreprocessor preprocess_;
    SourceReader reader_;
    VolumeShape shape_{};                ///< of fresh_
    LargeVector<std::uint16_t> fresh_;   ///< what the source gives now
    LargeVector<std::uint16_t> stored_;  ///< what the shard holds
};

}  // namespace ctclip
