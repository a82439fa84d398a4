#include "convert/convert_options.hpp"

#include "dist/pulse.hpp"

namespace ctclip {
namespace {

template <class Enum>
using Names = std::vector<std::pair<std::string, Enum>>;

Names<RescalePolicy> const kRescaleNames{
    {"csv", RescalePolicy::kCsv}, {"already_hu", RescalePolicy::kAlreadyHu}, {"auto", RescalePolicy::kAuto}};
Names<OutOfRangePolicy> const kOutOfRangeNames{{"reject", OutOfRangePolicy::kReject},
                                               {"saturate", OutOfRangePolicy::kSaturate},
                                               {"quarantine", OutOfRangePolicy::kQuarantine}};
Names<DamagedPolicy> const kDamagedNames{{"reject", DamagedPolicy::kReject},
                                         {"quarantine", DamagedPolicy::kQuarantine}};
Names<ChangedPolicy> const kChangedNames{{"reject", ChangedPolicy::kReject}, {"accept", ChangedPolicy::kAccept}};
Names<OrientationPolicy> const kOrientationNames{{"agree", OrientationPolicy::kAgree},
                                                 {"sform", OrientationPolicy::kSform}};
Names<VolumeLayout> const kLayoutNames{{"raw", VolumeLayout::kRaw},
                                       {"preprocessed", VolumeLayout::kPreprocessed}};

/// Beyond any memory, and as a number of bytes still an integer.
constexpr std::int64_t kMaxMemoryLimitMb = std::int64_t{1} << 40;

template <class Enum>
std::string_view find_name(Names<Enum> const& names, Enum value) {
    for (auto const& [name, named] : names) {
        if (named == value) {
            return name;
        }
    }
    return "";
}

}  // namespace

std::vector<std::pair<std::string, RescalePolicy>> const& rescale_names() {
    return kRescaleNames;
}

std::vector<std::pair<std::string, OrientationPolicy>> const& orientation_names() {
    return kOrientationNames;
}

std::string_view name_of(RescalePolicy policy) {
    return find_name(kRescaleNames, policy);
}
std::string_view name_of(OutOfRangePolicy policy) {
    return find_name(kOutOfRangeNames, policy);
}
std::string_view name_of(VolumeLayout layout) {
    return find_name(kLayoutNames, layout);
}

void ConvertOptions::bind(Schema& schema) {
    schema
        .key("convert.volumes", volumes,
             "folder of volumes (.npz; .nii, .nii.gz), searched to any depth. NIfTI volumes are scaled as their "
             "header says and turned to LPS, then treated as NPZ volumes are")
        .flag("--volumes", {"--data_folder"})
        .required();
    schema.key("convert.reports", reports, "CSV of radiology reports")
        .flag("--reports", {"--reports_file"})
        .required();
    schema.key("convert.metadata", metadata, "CSV of spacings, slopes and intercepts")
        .flag("--metadata", {"--meta_file"})
        .required();
    schema.key("convert.labels", labels, "CSV of the 18 labels")
        .flag("--labels", {"--labels_file"})
        .required();
    schema.key("convert.output", output, "folder of the shards").flag("--output", {"--output_dir"}).required();
    schema.key("convert.npz_key", npz_key, "array in each NPZ; auto: the first of data, volume, arr_0, arr")
        .flag("--npz_key", {"--npz-key"});
    schema.key("convert.samples_per_shard", samples_per_shard, "volumes per shard")
        .min(1)
        .max(1'000'000)
        .flag("--samples_per_shard", {"--samples-per-shard"});
    schema
        .choice("convert.layout", layout, kLayoutNames, "source voxels, or resampled, clipped and normalised")
        .flag("--layout");
    schema
        .choice("convert.rescale", rescale, kRescaleNames,
                "use the CSV's slope and intercept; or the voxels are HU already; or check each volume")
        .flag("--rescale");
    schema
        .choice("convert.nifti_orientation", nifti_orientation, kOrientationNames,
                "where a NIfTI's sform and qform contradict each other: stop; or go on by the sform, as nibabel "
                "does")
        .flag("--nifti_orientation", {"--nifti-orientation"});
    schema
        .choice("convert.out_of_range", out_of_range, kOutOfRangeNames,
                "what to do with voxels that are NaN or beyond +-65504")
        .flag("--out_of_range", {"--out-of-range"});
    schema
        .choice(
            "convert.damaged", damaged, kDamagedNames,
            "what to do with a volume whose file cannot be read as one: truncated, a wrong checksum, no such array, a "
            "header that contradicts itself, more than 4 GiB. Quarantined ones cost a second look at every other")
        .flag("--damaged");
    schema
        .choice("convert.changed", changed, kChangedNames,
                "what to do with a volume that has another size than when an earlier run planned it: stop, since two "
                "versions of the data would be mixed; or convert it as it is now, because it was repaired")
        .flag("--changed");
    schema
        .key("convert.max_quarantined", max_quarantined,
             "quarantined volumes that are accepted, of all ranks; while it runs, a rank ends the job when it alone "
             "has more")
        .min(0)
        .flag("--max_quarantined", {"--max-quarantined"});
    schema
        .key("convert.max_unmatched", max_unmatched,
             "volumes without CSV rows that are accepted (default: any)")
        .min(0)
        .flag("--max_unmatched", {"--max-unmatched"});
    schema
        .key("convert.max_missing", max_missing,
             "studies with rows in all CSVs but without a volume that are accepted (default: any)")
        .min(0)
        .flag("--max_missing", {"--max-missing"});
    schema
        .key("convert.memory_limit_mb", memory_limit_mb,
             "memory of a rank in MiB (0: no limit). NPZ volumes that do not fit it as a whole are decoded piece by "
             "piece, to the same shards; Fortran order then has to fit (its voxels come in another order than the "
             "shard's), NIfTI is refused. About 128 is the least that can be kept")
        .min(0)
        .max(kMaxMemoryLimitMb)
        .flag("--memory_limit_mb", {"--memory-limit-mb"});
    schema
        .key("convert.hang_timeout_s", hang_timeout_s,
             "end the job (exit 75) when a rank gives no sign of life for so long; 0: never")
        .min(0.0);
    schema.rule("convert.hang_timeout_s", [this] { return find_silence_limit_problem(hang_timeout_s); });
    schema
        .key("convert.stall_timeout_s", stall_timeout_s,
             "the same when no rank gets any further: the scan of the volumes, reading a piece of one, reading a shard "
             "back")
        .positive();
    schema.rule("convert.memory_limit_mb", [this] {
        bool const is_kept = memory_limit_mb == 0 || layout == VolumeLayout::kRaw;
        return std::string(
            is_kept ? "" : "cannot be kept by convert.layout preprocessed, which resamples whole volumes; use 0");
    });
}

}  // namespace ctclip
