/// The studies of a folder of volumes (NPZ, NIfTI) and its three CSVs, without converting them first: for
/// small studies. Every read inflates and converts its volume as ctclip-convert does, to the same fp16 voxels
/// and metadata, so that a model sees the same bits as after a conversion.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "convert/sample_converter.hpp"
#include "loader/sample_source.hpp"

namespace ctclip {

/// A folder of volumes and what describes them, as ctclip-convert takes them.
struct VolumeFolder {
    std::filesystem::path volumes;  ///< searched to any depth for STUDY.npz, .nii, .nii.gz
    std::filesystem::path reports;
    std::filesystem::path metadata;
    std::filesystem::path labels;
};

struct VolumeReading {
    std::string npz_key = "auto";
    RescalePolicy rescale = RescalePolicy::kCsv;
    OrientationPolicy nifti_orientation = OrientationPolicy::kAgree;
};

class VolumeSource final : public SampleSource {
  public:
    /// Those studies that have a volume and rows in all three CSVs, sorted bytewise by name. The header of
    /// every volume is read, and the checksum on record in it.
    /// @throws Error kBadInput (file, cause): no such study, a CSV or a header that is wrong; kIoError.
    VolumeSource(VolumeFolder const& folder, VolumeReading const& reading);

    std::int64_t size() const override { return std::ssize(studies_); }
    /// The key is the study's name. A volume with NaN or beyond the range of fp16 is refused.
    SourceSample read(std::int64_t index, HostBuffer& voxels) const override;
    bool has_labels(std::int64_t) const override { return true; }
    std::string describe(std::int64_t index) const override;
    std::string study_id(std::int64_t index) const override { return study(index).study_id; }
    std::vector<SampleGroup> groups() const override;  ///< the files
    std::uint64_t largest_volume_bytes() const override { return largest_volume_bytes_; }
    std::uint64_t scratch_bytes_per_thread() const override { return scratch_bytes_; }
    std::string_view checker() const override { return "ctclip-convert"; }
    /// Of names, sizes, checksums on record, shapes, CSV rows and how they are read; not of folders.
    std::string const& digest() const override { return digest_; }

    std::size_t num_volumes_without_rows() const noexcept { return num_volumes_without_rows_; }

  private:
    /// What one read works with: memory that is reused from volume to volume.
    struct Desk {
        SampleConverter converter;
        ConvertedSample sample;
    };

    PlannedStudy const& study(std::int64_t index) const { return studies_[static_cast<std::size_t>(index)]; }
    void look_at_volumes();
    /// Headers are the same in every epoch; a user needs to know it once.
    void warn_once_of_header(std::int64_t index, ConvertedSample const& converted) const;
    std::unique_ptr<Desk> take_desk() const;
    void give_back(std::unique_ptr<Desk> desk) const;

    ConvertOptions options_;
    StudyTable table_;
    std::vector<PlannedStudy> studies_;
    std::size_t num_volumes_without_rows_ = 0;
    std::uint64_t largest_volume_bytes_ = 0;
    std::uint64_t scratch_bytes_ = 0;
    std::string digest_;

    mutable std::mutex mutex_;
    mutable std::unordered_set<std::int64_t> warned_of_;
    mutable HeaderWarnings header_warnings_;
    mutable std::vector<std::unique_ptr<Desk>> free_desks_;  // as many as threads have ever read at a time
};

}  // namespace ctclip
