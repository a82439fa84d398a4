/// The `convert:` section of a configuration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.hpp"
#include "shard/sample.hpp"

namespace ctclip {

/// What becomes of the metadata CSV's slope and intercept.
enum class RescalePolicy {
    kCsv,        ///< every sample's json carries them, as the Python converter's
    kAlreadyHu,  ///< the voxels are HU: the json carries slope 1 and intercept 0, so that no reader rescales
                 ///< twice
    kAuto,  ///< as kCsv, but a volume that does not look like it needs just that ends the job (hu_check.hpp)
};

/// What becomes of a volume with voxels that are NaN or beyond the range of fp16.
enum class OutOfRangePolicy {
    kReject,      ///< it ends the job
    kSaturate,    ///< +-65504, counted in the sidecar; NaN still ends the job, since no number stands for it
    kQuarantine,  ///< the study is left out, counted in the sidecar; more than max_quarantined end the job
};

/// What becomes of a volume whose file cannot be read as one: truncated, a wrong checksum, no array of that key, a
/// header that contradicts itself, larger than readers accept.
enum class DamagedPolicy {
    kReject,      ///< it ends the job
    kQuarantine,  ///< the study is left out, as with OutOfRangePolicy
};

/// What becomes of a volume that has another size than when the plan was made.
enum class ChangedPolicy {
    kReject,  ///< it ends the job
    kAccept,  ///< it is converted as it is now: somebody has repaired it
};

/// What becomes of a NIfTI volume whose sform and qform contradict each other.
enum class OrientationPolicy {
    kAgree,  ///< it ends the job
    kSform,  ///< the sform counts, as in nibabel, with a warning
};

/// As configurations spell them.
std::vector<std::pair<std::string, RescalePolicy>> const& rescale_names();
std::vector<std::pair<std::string, OrientationPolicy>> const& orientation_names();

std::string_view name_of(RescalePolicy policy);
std::string_view name_of(OutOfRangePolicy policy);
std::string_view name_of(VolumeLayout layout);  ///< "raw", "preprocessed"

struct ConvertOptions {
    std::filesystem::path volumes;  ///< searched to any depth for STUDY.npz
    std::filesystem::path reports;
    std::filesystem::path metadata;
    std::filesystem::path labels;
    std::filesystem::path output;
    std::string npz_key = "auto";
    std::int64_t samples_per_shard = 100;
    VolumeLayout layout = VolumeLayout::kRaw;
    RescalePolicy rescale = RescalePolicy::kCsv;
    OrientationPolicy nifti_orientation = OrientationPolicy::kAgree;
    OutOfRangePolicy out_of_range = OutOfRangePolicy::kReject;
    DamagedPolicy damaged = DamagedPolicy::kReject;
    ChangedPolicy changed = ChangedPolicy::kReject;
    std::int64_t max_quarantined = 0;
    std::optional<std::int64_t> max_unmatched;  ///< volumes without CSV rows; none: any number, with a warning
    std::optional<std::int64_t> max_missing;    ///< studies of the CSVs without volume; none: as above
    std::int64_t memory_limit_mb = 0;  ///< MiB that a rank may have resident; 0: no limit
    double hang_timeout_s = 60.0;      ///< without a sign of life of a rank; 0: wait for ever
    double stall_timeout_s = 3600.0;   ///< without progress on any rank

    /// Keys `convert.*`, their flags, and the flags of the Python converter.
    void bind(Schema& schema);
};

}  // namespace ctclip
