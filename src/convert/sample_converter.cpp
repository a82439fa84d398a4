#include "convert/sample_converter.hpp"

#include <cmath>
#include <utility>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/file_chunks.hpp"
#include "base/log.hpp"
#include "convert/hu_check.hpp"
#include "study/spacing.hpp"

namespace ctclip {
namespace {

constexpr double kSpacingTolerance = 0.01;

/// The file was read a moment ago: this comes from the page cache.
std::uint32_t file_crc32c(std::filesystem::path const& path, std::uint64_t expected_bytes) {
    FileDescriptor const file = open_for_reading(path);
    std::uint64_t const size_bytes = file_size_bytes(file, path);
    require(size_bytes == expected_bytes, ExitCode::kBadInput,
            "{} has {} bytes, but had {} when it was listed (two versions of the data would be mixed)",
            path.string(), size_bytes, expected_bytes);
    std::uint32_t crc = 0;
    for_each_chunk(file, path, 0, size_bytes, [&](auto chunk) { crc = crc32c(chunk, crc); });
    return crc;
}

VolumeShape to_volume_shape(Shape const& shape) {
    return {shape.at(0), shape.at(1), shape.at(2)};
}

}  // namespace

void warn_of_spacing(ConvertedSample const& sample) {
    if (!sample.spacing_warning.empty()) {
        log_warning("{}", sample.spacing_warning);
    }
}

SampleConverter::SampleConverter(ConvertOptions const& options, StudyTable const& studies,
                                 VolumePreprocessor preprocess)
    : options_(options), studies_(studies), preprocess_(std::move(preprocess)) {}

void SampleConverter::convert(PlannedStudy const& planned, ConvertedSample& sample) {
    Study const* const study = studies_.find(planned.study_id);
    require(study != nullptr, ExitCode::kBadInput, "{} is planned, but the CSVs no longer know it",
            planned.study_id);
    std::filesystem::path const path = options_.volumes / planned.source_path;

    NpzArray const& array = read(path);
    check_orientation(path);
    sample.quarantine_reason.reset();
    sample.halves.resize(static_cast<std::size_t>(element_count(array.shape)));
    sample.conversion = {};
    sample.conversion.ledger = convert_to_half(array, sample.halves);
    describe_source(planned, array, sample.conversion);

    sample.metadata = {};
    sample.metadata.study_id = study->study_id;
    sample.metadata.volume_shape = to_volume_shape(array.shape);
    sample.metadata.xy_spacing = study->xy_spacing;
    sample.metadata.xy_spacing_mm = parse_xy_spacing_mm(study->xy_spacing).value_or(0.0);
    sample.metadata.z_spacing_mm = study->z_spacing;
    sample.spacing_warning = compare_spacing(sample.metadata, path);
    apply_range_policy(path, sample);
    if (sample.quarantine_reason) {
        return;
    }
    apply_rescale_policy(*study, path, sample);
    sample.report = study->findings + "\n" + study->impressions;
    sample.labels = study->labels;
    if (options_.layout == VolumeLayout::kPreprocessed) {
        PreprocessedVolume volume = preprocess_(sample.metadata, sample.halves);
        sample.metadata.layout = VolumeLayout::kPreprocessed;
        sample.metadata.volume_shape = volume.shape;
        sample.halves = std::move(volume.halves);
    }
}

NpzArray const& SampleConverter::read(std::filesystem::path const& path) {
    try {
        return reader_.read(path, options_.npz_key);
    } catch (Error const& error) {
        if (error.code() != ExitCode::kTryAgain) {
            throw;
        }
        log_warning("{} Reading it once more.", error.what());
        return reader_.read(path, options_.npz_key);
    }
}

void SampleConverter::describe_source(PlannedStudy const& planned, NpzArray const& array,
                                      ConversionRecord& record) const {
    record.source_path = planned.source_path;
    record.source_size_bytes = planned.source_size_bytes;
    record.source_crc32c = file_crc32c(options_.volumes / planned.source_path, planned.source_size_bytes);
    record.npz_key = array.key;
    record.source_type = array.type;
    record.source_shape = array.shape;
    record.is_fortran_order = array.is_fortran_order;
    record.is_big_endian = array.is_big_endian;
    if (NiftiHeader const* const header = reader_.nifti_header()) {
        record.nifti = {header->type, header->slope, header->intercept, header->orientation};
    }
}

void SampleConverter::check_orientation(std::filesystem::path const& path) const {
    NiftiHeader const* const header = reader_.nifti_header();
    if (header == nullptr || !header->orientation_conflict) {
        return;
    }
    require(options_.nifti_orientation == OrientationPolicy::kSform, ExitCode::kBadInput,
            "{}: {}: nobody knows which way the patient lies. Correct its header; or if the sform is right "
            "everywhere, set convert.nifti_orientation to sform",
            path.string(), *header->orientation_conflict);
    log_warning("{}: {}. The sform counts", path.string(), *header->orientation_conflict);
}

std::string SampleConverter::compare_spacing(SampleMetadata const& metadata,
                                             std::filesystem::path const& path) const {
    NiftiHeader const* const header = reader_.nifti_header();
    if (header == nullptr) {
        return "";
    }
    double const x = header->axes[0].spacing_mm;
    double const y = header->axes[1].spacing_mm;
    double const z = header->axes[2].spacing_mm;
    auto const agrees = [](double found, double expected) {
        return std::fabs(found - expected) <= kSpacingTolerance * expected;
    };
    if (agrees(x, metadata.xy_spacing_mm) && agrees(y, metadata.xy_spacing_mm) &&
        agrees(z, metadata.z_spacing_mm)) {
        return "";
    }
    return fmt::format(
        "{}: its header says {:.4g} x {:.4g} x {:.4g} mm a voxel (left, back, head), the metadata CSV says {} in the "
        "slice and {:.4g} between slices. The CSV counts",
        path.string(), x, y, z, metadata.xy_spacing, metadata.z_spacing_mm);
}

void SampleConverter::apply_range_policy(std::filesystem::path const& path, ConvertedSample& sample) const {
    HalfStatistics const& ledger = sample.conversion.ledger;
    if (!ledger.first_not_finite) {
        return;
    }
    if (options_.out_of_range == OutOfRangePolicy::kQuarantine) {
        sample.quarantine_reason = fmt::format("{} voxels are NaN, {} lie beyond the range of float16",
                                               ledger.num_nan, ledger.num_out_of_range);
        return;
    }
    if (options_.out_of_range == OutOfRangePolicy::kReject || ledger.num_nan > 0) {
        require_finite_halves(ledger, sample.conversion.source_shape, path);
    }
    saturate_halves(sample.halves);
}

void SampleConverter::apply_rescale_policy(Study const& study, std::filesystem::path const& path,
                                           ConvertedSample& sample) const {
    ConversionRecord& record = sample.conversion;
    record.csv_rescale_slope = study.rescale_slope;
    record.csv_rescale_intercept = study.rescale_intercept;
    record.csv_xy_spacing = study.xy_spacing;
    record.csv_z_spacing = study.z_spacing;
    record.rescale = name_of(RescalePolicy::kCsv);
    if (options_.rescale == RescalePolicy::kAlreadyHu) {
        record.rescale = name_of(RescalePolicy::kAlreadyHu);
        return;  // the metadata's defaults: slope 1, intercept 0
    }
    if (options_.rescale == RescalePolicy::kCsv && reader_.nifti_header() != nullptr) {
        require_one_scaling(*reader_.nifti_header(), study.rescale_slope, study.rescale_intercept, path);
    }
    if (options_.rescale == RescalePolicy::kAuto) {
        require_rescale_is_needed(check_hu(sample.halves, study.rescale_slope, study.rescale_intercept),
                                  path);
    }
    sample.metadata.rescale_slope = study.rescale_slope;
    sample.metadata.rescale_intercept = study.rescale_intercept;
}

}  // namespace ctclip
