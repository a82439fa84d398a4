/// shard-000000.index.json beside shard-000000.tar: everything about a shard that its tar, being byte for
/// byte the Python converter's, cannot say. Where each member lies, digests, and for converted shards what
/// became of each source. A pure function of the plan and the sources: no times, hosts or ranks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/array.hpp"
#include "npz/half_volume.hpp"
#include "shard/shard_index.hpp"

namespace ctclip {

/// What a NIfTI source said about its voxels.
struct NiftiRecord {
    DType stored_type = DType::kI16;  ///< in the file; ConversionRecord::source_type is what they became
    double slope = 1.0;               ///< applied: value = slope * stored + intercept
    double intercept = 0.0;
    std::string orientation;  ///< sides that the file's axes ran to before they were turned to LPS: "RAS"
};

/// Where a sample came from and what conversion did to it.
struct ConversionRecord {
    std::string source_path;              ///< relative to the folder of volumes
    std::uint64_t source_size_bytes = 0;  ///< of the file
    std::uint32_t source_crc32c = 0;      ///< of the whole file
    std::string npz_key;
    DType source_type = DType::kF64;
    Shape source_shape;
    bool is_fortran_order = false;
    bool is_big_endian = false;
    std::optional<NiftiRecord> nifti;  ///< of NIfTI sources only

    double csv_rescale_slope = 1.0;  ///< the metadata CSV's values as found, whatever the sample's json says
    double csv_rescale_intercept = 0.0;
    std::string csv_xy_spacing;
    double csv_z_spacing = 1.0;
    std::string rescale;  ///< what the json carries: "csv", or "already_hu" for slope 1 and intercept 0

    HalfStatistics ledger;

    /// Bytes of the array as numpy held it.
    std::uint64_t source_array_bytes() const;
};

/// A study that policy kept out of the shard; its position stays empty.
struct QuarantineRecord {
    std::string key;  ///< the key that it would have had
    std::string study_id;
    std::string source_path;
    std::string reason;
};

struct SidecarSample {
    ShardSample sample;  ///< every member with its CRC-32C
    std::string study_id;
    std::optional<ConversionRecord> conversion;  ///< absent where an existing shard was indexed
};

struct ShardSidecar {
    std::string shard_name;
    std::uint64_t size_bytes = 0;
    std::string fsverity_sha256;  ///< of the whole tar (base/fsverity_digest.hpp), lower-case hex
    std::string plan_sha256;      ///< of the conversion's plan; empty where an existing shard was indexed
    std::vector<SidecarSample> samples;
    std::vector<QuarantineRecord> quarantined;

    std::uint64_t payload_bytes() const;  ///< of all members
};

/// "DIR/shard-000000.tar" -> "DIR/shard-000000.index.json"
std::filesystem::path sidecar_path(std::filesystem::path const& shard_path);

std::string encode_sidecar(ShardSidecar const& sidecar);
/// @param where  names the text in messages. Sizes and offsets are checked against each other.
/// @throws Error kBadInput.
ShardSidecar decode_sidecar(std::string_view text, std::string const& where);

/// @param shard_path  of the tar, against which nothing but its name is checked.
/// @throws Error kBadInput, kIoError.
ShardSidecar read_sidecar(std::filesystem::path const& shard_path);

}  // namespace ctclip
