/// One study: NPZ and CSV rows -> everything that its four members and its sidecar entry need.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/large_memory.hpp"
#include "convert/convert_options.hpp"
#include "convert/convert_plan.hpp"
#include "convert/header_warnings.hpp"
#include "nifti/nifti_reader.hpp"
#include "npz/half_volume.hpp"
#include "npz/npz_reader.hpp"
#include "shard/sample.hpp"
#include "shard/sidecar.hpp"
#include "study/study_table.hpp"

namespace ctclip {

/// A volume of layout `preprocessed`: axes (x, y, z), values in [-1, 1].
struct PreprocessedVolume {
    VolumeShape shape{};
    LargeVector<std::uint16_t> halves;
};

/// Resamples, clips, normalises, crops and pads a raw volume; `metadata` says how its voxels map to HU and
/// mm.
using VolumePreprocessor =
    std::function<PreprocessedVolume(SampleMetadata const& metadata, std::span<std::uint16_t const> halves)>;

/// Takes the next voxels of a volume, C order.
using HalfSink = std::function<void(std::span<std::uint16_t const> halves)>;

/// Where a sample's voxels wait for take_voxels().
enum class VoxelsWait {
    kInFile,    ///< the volume would not fit the memory limit
    kAsStored,  ///< inflated in memory, not yet held against the file's checksum
    kAsHalves,
};

/// All of a study but its voxels, which take_voxels() gives. Its memory is reused from study to study.
struct ConvertedSample {
    SampleMetadata metadata;
    std::string report;
    std::vector<float> labels;
    ConversionRecord conversion;  ///< complete once take_voxels() has returned
    std::vector<HeaderWarning> header_warnings;  ///< none for NPZ
    std::optional<std::string> quarantine_reason;  ///< present: policy keeps the study out; the rest is unspecified

    VoxelsWait voxels = VoxelsWait::kAsHalves;
    NpzReader npz;                      ///< kInFile: knows the file. kAsStored: holds the voxels.
    LargeVector<std::uint16_t> halves;  ///< kAsHalves
};

class SampleConverter {
  public:
    /// @param studies     must outlive this.
    /// @param preprocess   needed for layout `preprocessed` only.
    /// @param after_piece  called whenever another piece of a volume is converted.
    SampleConverter(ConvertOptions const& options, StudyTable const& studies, VolumePreprocessor preprocess,
                    std::function<void()> after_piece = [] {});

    /// @throws Error kBadInput naming the file and the cause: not readable as a volume, changed since the plan, values
    ///         or units that policy refuses, too large for the memory limit in a form that cannot be converted in
    ///         pieces; kTryAgain if the file keeps changing; kIoError.
    void convert(PlannedStudy const& planned, ConvertedSample& sample);

    /// Gives all halves of a converted sample to `put`, in pieces of a few hundred KiB unless they wait as halves, and
    /// completes its conversion record. Once. May run while another thread converts another sample. What `put` took is
    /// proven only when this returns: a wrong checksum or a refused value shows at the end.
    /// @throws Error as convert(). A file that changes meanwhile is kTryAgain at once.
    void take_voxels(ConvertedSample& sample, HalfSink const& put) const;

  private:
    void load(std::filesystem::path const& path, PlannedStudy const& planned, ConvertedSample& sample);
    void load_nifti(std::filesystem::path const& path, ConvertedSample& sample);
    void load_npz(std::filesystem::path const& path, ConvertedSample& sample);
    /// Runs `read`, which finds damage if there is any. False: it did, and policy has the sample quarantined.
    bool can_read(std::filesystem::path const& path, ConvertedSample& sample, std::function<void()> const& read) const;
    /// Whether the volume that is open in sample.npz may be in memory as a whole, as another sample's is.
    bool fits_in_memory(ConvertedSample& sample, VolumeHeader const& header);
    bool fits_beside_what_is_held(ConvertedSample const& sample, VolumeHeader const& header);
    /// Whether every voxel must be known before the first one can be given away.
    bool needs_all_halves(VolumeHeader const& header) const;
    HalfStatistics convert_pieces(ConvertedSample& sample,
                                  std::function<void(std::span<std::uint16_t> halves)> const& use) const;
    void require_as_described(ConvertedSample const& sample, VolumeHeader const& header) const;
    /// Applies policy to the NIfTI read last, if its two orientations contradict each other.
    void check_orientation(std::filesystem::path const& path, ConvertedSample& sample) const;
    /// Says so when the NIfTI read last is more than one per cent off the CSV's spacing. The CSV counts: headers of
    /// CT-RATE's first version lack the spacing, and its authors say to trust the CSV.
    void compare_spacing(std::filesystem::path const& path, ConvertedSample& sample) const;
    void apply_range_policy(std::filesystem::path const& path, ConvertedSample& sample) const;
    void describe_rescale(Study const& study, ConvertedSample& sample) const;
    /// @param halves  the volume's, or what stands for them in check_hu().
    void require_plausible_hu(std::span<std::uint16_t const> halves, ConversionRecord const& record,
                              std::filesystem::path const& path) const;

    ConvertOptions const& options_;
    StudyTable const& studies_;
    VolumePreprocessor preprocess_;
    std::function<void()> after_piece_;
    NiftiReader nifti_;
    std::uint64_t reserved_bytes_;          ///< what the process needs beside volumes
    std::uint64_t largest_held_bytes_ = 0;  ///< by a sample, of all volumes that were whole in memory
};

}  // namespace ctclip
