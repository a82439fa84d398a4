/// Everything that can be known to be wrong with a shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace ctclip {

struct ShardVerdict {
    std::size_t num_samples = 0;
    std::uint64_t size_bytes = 0;
    std::size_t num_quarantined = 0;  ///< studies that its conversion left out
    bool has_digests = false;     ///< a sidecar stands beside it, and every byte of the shard agrees with it
    bool is_converted = false;    ///< that sidecar is a conversion's
    bool has_ct_samples = false;  ///< false: a tar of other samples; only its structure was checked
};

/// Walks every header, holds every sample to the format's rules, and with a sidecar compares offsets, sizes,
/// the CRC-32C of every member and the digest of the whole. A tar in which no sample has .json, .txt or
/// .labels is no shard of CT samples: its structure alone is checked. Reads all bytes; memory is bounded.
/// @throws Error kBadInput naming the first thing that is wrong, kIoError.
ShardVerdict verify_shard(std::filesystem::path const& path);

}  // namespace ctclip
