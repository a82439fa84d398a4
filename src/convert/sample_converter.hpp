/// One study: NPZ and CSV rows -> everything that its four members and its sidecar entry need.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "convert/convert_options.hpp"
#include "convert/convert_plan.hpp"
#include "convert/source_reader.hpp"
#include "npz/half_volume.hpp"
#include "shard/sample.hpp"
#include "shard/sidecar.hpp"
#include "study/study_table.hpp"

namespace ctclip {

/// A volume of layout `preprocessed`: axes (x, y, z), values in [-1, 1].
struct PreprocessedVolume {
    VolumeShape shape{};
    std::vector<std::uint16_t> halves;
};

/// Resamples, clips, normalises, crops and pads a raw volume; `metadata` says how its voxels map to HU and
/// mm.
using VolumePreprocessor =
    std::function<PreprocessedVolume(SampleMetadata const& metadata, std::span<std::uint16_t const> halves)>;

/// Its memory is reused from study to study.
struct ConvertedSample {
    SampleMetadata metadata;
    std::vector<std::uint16_t> halves;
    std::string report;
    std::vector<float> labels;
    ConversionRecord conversion;
    std::string spacing_warning;  ///< for the log; empty: the file's own spacing, if it has one, is the CSV's
    std::optional<std::string>
        quarantine_reason;  ///< present: policy keeps the study out; the rest is unspecified
};

/// Logs `sample.spacing_warning` if there is one.
void warn_of_spacing(ConvertedSample const& sample);

class SampleConverter {
  public:
    /// @param studies     must outlive this.
    /// @param preprocess  needed for layout `preprocessed` only.
    SampleConverter(ConvertOptions const& options, StudyTable const& studies, VolumePreprocessor preprocess);

    /// @throws Error kBadInput naming the file and the cause: not readable as a volume, changed since the
    /// plan, values
    ///         or units that policy refuses; kTryAgain if the file keeps changing; kIoError.
    void convert(PlannedStudy const& planned, ConvertedSample& sample);

  private:
    NpzArray const& read(std::filesystem::path const& path);
    void describe_source(PlannedStudy const& planned, NpzArray const& array, ConversionRecord& record) const;
    /// Applies policy to a NIfTI whose two orientations contradict each other.
    void check_orientation(std::filesystem::path const& path) const;
    /// Says so when a file that knows its spacing is more than one per cent off the CSV's. The CSV counts: headers of
    /// CT-RATE's first version lack the spacing, and its authors say to trust the CSV.
    std::string compare_spacing(SampleMetadata const& metadata, std::filesystem::path const& path) const;
    void apply_range_policy(std::filesystem::path const& path, ConvertedSample& sample) const;
    void apply_rescale_policy(Study const& study, std::filesystem::path const& path,
                              ConvertedSample& sample) const;

    ConvertOptions const& options_;
    StudyTable const& studies_;
    VolumePreprocessor preprocess_;
    SourceReader reader_;
};

}  // namespace ctclip
