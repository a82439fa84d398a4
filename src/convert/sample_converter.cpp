#include "convert/sample_converter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "convert/hu_check.hpp"
#include "study/spacing.hpp"

namespace ctclip {
namespace {

constexpr double kSpacingTolerance = 0.01;

/// Of the process, beside what is resident when conversion begins: two shards being written (two blocks each, one
/// more to read back), and the buffers of decoding in pieces.
constexpr std::uint64_t kWorkingBytes = std::uint64_t{32} << 20;
/// SampleStream: one is being written while the next is decoded.
constexpr std::uint64_t kSamplesInMemory = 2;

/// To `num_voxels`, without old and new memory at the same time.
void resize_afresh(LargeVector<std::uint16_t>& halves, std::size_t num_voxels) {
    if (num_voxels > halves.capacity()) {
        halves = {};
    }
    halves.resize(num_voxels);
}

void describe(VolumeHeader const& header, ConversionRecord& record) {
    record.npz_key = header.key;
    record.source_type = header.type;
    record.source_shape = header.shape;
    record.is_fortran_order = header.is_fortran_order;
    record.is_big_endian = header.is_big_endian;
}

/// Keeps of a volume that passes by what check_hu() looks at.
class HuSample {
  public:
    explicit HuSample(std::size_t num_voxels) : stride_(hu_check_stride(num_voxels)) {}

    void add(std::span<std::uint16_t const> halves) {
        for (; next_ < num_passed_ + halves.size(); next_ += stride_) {
            kept_.push_back(halves[next_ - num_passed_]);
        }
        num_passed_ += halves.size();
    }
    std::span<std::uint16_t const> halves() const { return kept_; }

  private:
    std::size_t stride_;
    std::size_t next_ = 0;
    std::size_t num_passed_ = 0;
    std::vector<std::uint16_t> kept_;
};

VolumeShape to_volume_shape(Shape const& shape) {
    return {shape.at(0), shape.at(1), shape.at(2)};
}

}  // namespace

SampleConverter::SampleConverter(ConvertOptions const& options, StudyTable const& studies,
                                 VolumePreprocessor preprocess, std::function<void()> after_piece)
    : options_(options),
      studies_(studies),
      preprocess_(std::move(preprocess)),
      after_piece_(std::move(after_piece)),
      reserved_bytes_(static_cast<std::uint64_t>(resident_memory_bytes()) + kWorkingBytes) {}

void SampleConverter::convert(PlannedStudy const& planned, ConvertedSample& sample) {
    Study const* const study = studies_.find(planned.study_id);
    require(study != nullptr, ExitCode::kBadInput, "{} is planned, but the CSVs no longer know it",
            planned.study_id);
    std::filesystem::path const path = options_.volumes / planned.source_path;
    load(path, planned, sample);
    if (sample.quarantine_reason) {
        return;
    }
    sample.metadata = {};
    sample.metadata.study_id = study->study_id;
    sample.metadata.volume_shape = to_volume_shape(sample.conversion.source_shape);
    sample.metadata.xy_spacing = study->xy_spacing;
    sample.metadata.xy_spacing_mm = parse_xy_spacing_mm(study->xy_spacing).value_or(0.0);
    sample.metadata.z_spacing_mm = study->z_spacing;
    if (is_nifti(path)) {
        compare_spacing(path, sample);
    }
    apply_range_policy(path, sample);
    if (sample.quarantine_reason) {
        return;
    }
    describe_rescale(*study, sample);
    if (is_nifti(path) && options_.rescale == RescalePolicy::kCsv) {
        require_one_scaling(nifti_.header(), study->rescale_slope, study->rescale_intercept, path);
    }
    if (sample.voxels == VoxelsWait::kAsHalves) {
        require_plausible_hu(sample.halves, sample.conversion, path);
    }
    sample.report = study->findings + "\n" + study->impressions;
    sample.labels = study->labels;
    if (options_.layout == VolumeLayout::kPreprocessed) {
        PreprocessedVolume volume = preprocess_(sample.metadata, sample.halves);
        sample.metadata.layout = VolumeLayout::kPreprocessed;
        sample.metadata.volume_shape = volume.shape;
        sample.halves = std::move(volume.halves);
    }
}

void SampleConverter::load(std::filesystem::path const& path, PlannedStudy const& planned, ConvertedSample& sample) {
    auto const try_to_load = [&] {
        std::uint64_t const size_bytes = file_size_bytes(open_for_reading(path), path);
        bool const is_as_planned = size_bytes == planned.source_size_bytes;
        require(
            is_as_planned || options_.changed == ChangedPolicy::kAccept, ExitCode::kBadInput,
            "{} has {} bytes, but had {} when it was listed (two versions of the data would be mixed). Restore it as "
            "it was; or, if it was repaired, set convert.changed to accept",
            path.string(), size_bytes, planned.source_size_bytes);
        sample.quarantine_reason.reset();
        sample.header_warnings.clear();
        sample.conversion = {};
        sample.conversion.source_path = planned.source_path;
        sample.conversion.source_size_bytes = size_bytes;
        is_nifti(path) ? load_nifti(path, sample) : load_npz(path, sample);
    };
    try {
        try_to_load();
    } catch (Error const& error) {
        if (error.code() != ExitCode::kTryAgain) {
            throw;
        }
        log_warning("{} Reading it once more.", error.what());
        try_to_load();
    }
}

void SampleConverter::load_nifti(std::filesystem::path const& path, ConvertedSample& sample) {
    require(
        options_.memory_limit_mb == 0, ExitCode::kBadInput,
        "{}: a NIfTI volume has to be in memory as a whole to be turned, and convert.memory_limit_mb is {}. Convert "
        "NIfTI volumes without a limit (0).",
        path.string(), options_.memory_limit_mb);
    NpzArray const* array = nullptr;
    if (!can_read(path, sample, [&] { array = &nifti_.read(path); })) {
        return;
    }
    check_orientation(path, sample);
    describe(*array, sample.conversion);
    NiftiHeader const& header = nifti_.header();
    sample.conversion.nifti = {header.type, header.slope, header.intercept, header.orientation};
    sample.voxels = VoxelsWait::kAsHalves;
    resize_afresh(sample.halves, array->num_voxels());
    sample.conversion.ledger = convert_to_half(*array, sample.halves);
    sample.conversion.source_crc32c = nifti_.file_crc32c();
}

void SampleConverter::load_npz(std::filesystem::path const& path, ConvertedSample& sample) {
    if (!can_read(path, sample, [&] { sample.npz.open(path, options_.npz_key); })) {
        return;
    }
    VolumeHeader const& header = sample.npz.array();
    describe(header, sample.conversion);
    if (!fits_in_memory(sample, header)) {
        require(!header.is_fortran_order, ExitCode::kBadInput,
                "{}: the array is in Fortran order and does not fit convert.memory_limit_mb = {} (a shard's voxels are "
                "in C order, so that all of them are needed first). Raise the limit, or 0 for none.",
                path.string(), options_.memory_limit_mb);
        log_debug("{}: decoded piece by piece (ISA-L)", path.string());
        sample.voxels = VoxelsWait::kInFile;
    } else {
        if (needs_all_halves(header)) {
            sample.voxels = VoxelsWait::kAsHalves;
            if (!can_read(path, sample, [&] { sample.npz.decode_whole(); })) {
                return;
            }
            resize_afresh(sample.halves, header.num_voxels());
            sample.conversion.ledger = convert_to_half(sample.npz.array(), sample.halves);
            sample.conversion.source_crc32c = sample.npz.file_crc32c();
            return;
        }
        sample.voxels = VoxelsWait::kAsStored;
        if (!can_read(path, sample, [&] { sample.npz.inflate(); })) {
            return;
        }
    }
    // Nothing of a volume that is left out may get into the shard: what would keep it out is looked for first.
    can_read(path, sample, [&] {
        if (options_.out_of_range == OutOfRangePolicy::kQuarantine) {
            sample.conversion.ledger = convert_pieces(sample, [this](auto) { after_piece_(); });
        } else if (options_.damaged == DamagedPolicy::kQuarantine) {
            sample.npz.decode_in_pieces([this](auto) { after_piece_(); });
        }
    });
}

bool SampleConverter::can_read(std::filesystem::path const& path, ConvertedSample& sample,
                               std::function<void()> const& read) const {
    try {
        read();
        return true;
    } catch (Error const& error) {
        if (options_.damaged == DamagedPolicy::kReject || error.code() != ExitCode::kBadInput) {
            throw;
        }
        // Sidecars say where a source is below the folder of volumes, wherever that is mounted.
        std::string reason = error.what();
        if (std::size_t const at = reason.find(path.string()); at != std::string::npos) {
            reason.replace(at, path.string().size(), sample.conversion.source_path);
        }
        sample.quarantine_reason = "it cannot be read (" + reason + ")";
        return false;
    }
}

void SampleConverter::check_orientation(std::filesystem::path const& path, ConvertedSample& sample) const {
    std::optional<std::string> const& conflict = nifti_.header().orientation_conflict;
    if (!conflict) {
        return;
    }
    require(options_.nifti_orientation == OrientationPolicy::kSform, ExitCode::kBadInput,
            "{}: {}: nobody knows which way the patient lies. Correct its header; or if the sform is right "
            "everywhere, set convert.nifti_orientation to sform (data. or evaluate. in place of convert. where those "
            "read it)",
            path.string(), *conflict);
    sample.header_warnings.push_back(
        {HeaderOddity::kOrientation, fmt::format("{}: {}. The sform counts", path.string(), *conflict)});
}

void SampleConverter::compare_spacing(std::filesystem::path const& path, ConvertedSample& sample) const {
    SampleMetadata const& metadata = sample.metadata;
    NiftiHeader const& header = nifti_.header();
    double const x = header.axes[0].spacing_mm;
    double const y = header.axes[1].spacing_mm;
    double const z = header.axes[2].spacing_mm;
    auto const agrees = [](double found, double expected) {
        return std::fabs(found - expected) <= kSpacingTolerance * expected;
    };
    if (agrees(x, metadata.xy_spacing_mm) && agrees(y, metadata.xy_spacing_mm) &&
        agrees(z, metadata.z_spacing_mm)) {
        return;
    }
    std::string text = fmt::format(
        "{}: its header says {:.4g} x {:.4g} x {:.4g} mm a voxel (left, back, head), the metadata CSV says {} in the "
        "slice and {:.4g} between slices. The CSV counts",
        path.string(), x, y, z, metadata.xy_spacing, metadata.z_spacing_mm);
    sample.header_warnings.push_back({HeaderOddity::kSpacing, std::move(text)});
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

void SampleConverter::describe_rescale(Study const& study, ConvertedSample& sample) const {
    ConversionRecord& record = sample.conversion;
    record.csv_rescale_slope = study.rescale_slope;
    record.csv_rescale_intercept = study.rescale_intercept;
    record.csv_xy_spacing = study.xy_spacing;
    record.csv_z_spacing = study.z_spacing;
    if (options_.rescale == RescalePolicy::kAlreadyHu) {
        record.rescale = name_of(RescalePolicy::kAlreadyHu);
        return;  // the metadata's defaults: slope 1, intercept 0
    }
    record.rescale = name_of(RescalePolicy::kCsv);
    sample.metadata.rescale_slope = study.rescale_slope;
    sample.metadata.rescale_intercept = study.rescale_intercept;
}

void SampleConverter::require_plausible_hu(std::span<std::uint16_t const> halves, ConversionRecord const& record,
                                           std::filesystem::path const& path) const {
    if (options_.rescale == RescalePolicy::kAuto) {
        require_rescale_is_needed(check_hu(halves, record.csv_rescale_slope, record.csv_rescale_intercept), path);
    }
}

void SampleConverter::take_voxels(ConvertedSample& sample, HalfSink const& put) const {
    if (sample.voxels == VoxelsWait::kAsHalves) {
        put(sample.halves);
        return;
    }
    ConversionRecord& record = sample.conversion;
    std::filesystem::path const path = options_.volumes / record.source_path;
    if (sample.voxels == VoxelsWait::kInFile) {
        require_as_described(sample, sample.npz.open(path, record.npz_key));
    }
    HuSample hu_sample(sample.npz.array().num_voxels());
    record.ledger = convert_pieces(sample, [&](std::span<std::uint16_t> halves) {
        if (options_.out_of_range == OutOfRangePolicy::kSaturate) {
            saturate_halves(halves);
        }
        if (options_.rescale == RescalePolicy::kAuto) {
            hu_sample.add(halves);
        }
        put(halves);
        after_piece_();
    });
    record.source_crc32c = sample.npz.file_crc32c();
    if (options_.out_of_range != OutOfRangePolicy::kSaturate || record.ledger.num_nan > 0) {
        require_finite_halves(record.ledger, record.source_shape, path);
    }
    require_plausible_hu(hu_sample.halves(), record, path);
}

void SampleConverter::require_as_described(ConvertedSample const& sample, VolumeHeader const& header) const {
    ConversionRecord const& record = sample.conversion;
    bool const is_as_described = header.type == record.source_type && header.shape == record.source_shape &&
                                 header.is_fortran_order == record.is_fortran_order &&
                                 sample.npz.file_bytes() == record.source_size_bytes;
    require(is_as_described, ExitCode::kTryAgain,
            "{}: the file changed while it was read. Run again when its writer is done.",
            (options_.volumes / record.source_path).string());
}

HalfStatistics SampleConverter::convert_pieces(
    ConvertedSample& sample, std::function<void(std::span<std::uint16_t> halves)> const& use) const {
    VolumeHeader const& header = sample.npz.array();
    HalfConverter converter(header);
    std::vector<std::uint16_t> halves;
    sample.npz.decode_in_pieces([&](std::span<std::byte const> voxels) {
        halves.resize(voxels.size() / item_size_bytes(header.type));
        converter.convert(voxels, halves);
        use(halves);
    });
    return converter.statistics();
}

bool SampleConverter::needs_all_halves(VolumeHeader const& header) const {
    return header.is_fortran_order || options_.layout == VolumeLayout::kPreprocessed;
}

bool SampleConverter::fits_in_memory(ConvertedSample& sample, VolumeHeader const& header) {
    if (fits_beside_what_is_held(sample, header)) {
        return true;
    }
    // Whether a volume fits must not depend on the ones before it.
    sample.npz.release_memory();
    sample.halves = {};
    return fits_beside_what_is_held(sample, header);
}

bool SampleConverter::fits_beside_what_is_held(ConvertedSample const& sample, VolumeHeader const& header) {
    std::uint64_t const limit_bytes = static_cast<std::uint64_t>(options_.memory_limit_mb) << 20;
    std::uint64_t const needed_halves = needs_all_halves(header) ? header.num_voxels() : 0;
    std::uint64_t const halves_bytes =  // an earlier volume's stay
        allocated_bytes(std::max<std::uint64_t>(needed_halves, sample.halves.capacity()) * sizeof(std::uint16_t));
    std::uint64_t const held_bytes =
        std::max<std::uint64_t>(largest_held_bytes_, sample.npz.bytes_held_by_whole() + halves_bytes);
    bool const fits = limit_bytes == 0 || reserved_bytes_ + kSamplesInMemory * held_bytes <= limit_bytes;
    if (fits) {
        largest_held_bytes_ = held_bytes;
    }
    return fits;
}

}  // namespace ctclip
