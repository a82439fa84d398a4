#include "loader/volume_source.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "convert/source_reader.hpp"

namespace ctclip {
namespace {

ConvertOptions convert_options_of(VolumeFolder const& folder, VolumeReading const& reading) {
    ConvertOptions options;
    options.volumes = folder.volumes;
    options.reports = folder.reports;
    options.metadata = folder.metadata;
    options.labels = folder.labels;
    options.npz_key = reading.npz_key;
    options.rescale = reading.rescale;
    options.nifti_orientation = reading.nifti_orientation;
    return options;
}

/// Every field with its length before it, so that no two studies write the same text.
void add_to_digest(Sha256& sha256, PlannedStudy const& planned, VolumeSummary const& volume,
                   Study const& study) {
    auto const add = [&](std::string_view field) {
        sha256.update(fmt::format("{}:{}\n", field.size(), field));
    };
    add(planned.study_id);
    add(fmt::format("{} bytes, {} {}, CRC-32 {}", planned.source_size_bytes, dtype_name(volume.type),
                    to_string(volume.shape),
                    volume.crc32 ? fmt::format("{:08x}", *volume.crc32) : "unknown"));
    add(study.findings);
    add(study.impressions);
    add(fmt::format("{} {} {} {}", study.rescale_slope, study.rescale_intercept, study.xy_spacing,
                    study.z_spacing));
    add(fmt::format("{}", fmt::join(study.labels, " ")));
}

/// A damaged header cannot wait for the policy on bad samples, which picks others while a run goes on.
VolumeSummary peek_at_start(SourceReader& reader, std::filesystem::path const& path, std::string const& npz_key) {
    try {
        return reader.peek(path, npz_key);
    } catch (Error const& error) {
        if (error.code() != ExitCode::kBadInput) {
            throw;
        }
        fail(error.code(),
             "{} - all headers are read at the start: what the data set is known by and the memory for it follow from "
             "them (data.bad_samples covers what is found later). Repair the file or move it out of the folder",
             error.what());
    }
}

}  // namespace

VolumeSource::VolumeSource(VolumeFolder const& folder, VolumeReading const& reading)
    : options_(convert_options_of(folder, reading)),
      table_(StudyTable::load(folder.reports, folder.metadata, folder.labels)) {
    ConvertPlan const plan = ConvertPlan::make(options_, table_);
    studies_ = plan.studies();
    num_volumes_without_rows_ = plan.unmatched_volumes().size();
    look_at_volumes();
}

void VolumeSource::look_at_volumes() {
    Sha256 sha256;
    sha256.update(fmt::format("volumes\n{}\n{}\n", options_.npz_key, name_of(options_.rescale)));
    SourceReader reader;
    std::uint64_t largest_file_bytes = 0;
    std::uint64_t largest_array_bytes = 0;
    for (PlannedStudy const& planned : studies_) {
        VolumeSummary const volume = peek_at_start(reader, options_.volumes / planned.source_path, options_.npz_key);
        add_to_digest(sha256, planned, volume, *table_.find(planned.study_id));
        std::uint64_t const num_voxels = volume.array_bytes() / item_size_bytes(volume.type);
        largest_file_bytes = std::max(largest_file_bytes, planned.source_size_bytes);
        largest_array_bytes = std::max(largest_array_bytes, volume.array_bytes());
        largest_volume_bytes_ = std::max(largest_volume_bytes_, num_voxels * sizeof(std::uint16_t));
    }
    // The file, its array (a NIfTI's twice: as it lies in the file, and turned), and the fp16 voxels.
    scratch_bytes_ = largest_file_bytes + 2 * largest_array_bytes + largest_volume_bytes_;
    digest_ = sha256.finish_hex();
}

SourceSample VolumeSource::read(std::int64_t index, HostBuffer& voxels) const {
    std::unique_ptr<Desk> desk = take_desk();
    ConvertedSample& converted = desk->sample;
    desk->converter.convert(study(index), converted);
    warn_once_of_header(index, converted);
    SourceSample result;
    std::span<std::uint16_t> const halves =
        voxels.resize<std::uint16_t>(static_cast<std::size_t>(num_voxels(converted.metadata.volume_shape)));
    std::size_t num_taken = 0;
    desk->converter.take_voxels(converted, [&](std::span<std::uint16_t const> piece) {
        std::ranges::copy(piece, halves.subspan(num_taken).begin());
        num_taken += piece.size();
    });
    result.voxels = halves;
    result.key = converted.metadata.study_id;
    result.metadata = std::move(converted.metadata);
    result.report = std::move(converted.report);
    result.labels = std::move(converted.labels);
    give_back(std::move(desk));
    return result;
}

std::string VolumeSource::describe(std::int64_t index) const {
    return (options_.volumes / study(index).source_path).string();
}

std::vector<SampleGroup> VolumeSource::groups() const {
    std::vector<SampleGroup> groups;
    std::ranges::transform(studies_, std::back_inserter(groups), [](PlannedStudy const& planned) {
        return SampleGroup{1, planned.source_size_bytes};
    });
    return groups;
}

void VolumeSource::warn_once_of_header(std::int64_t index, ConvertedSample const& converted) const {
    if (converted.header_warnings.empty()) {
        return;
    }
    std::lock_guard const lock(mutex_);
    if (warned_of_.insert(index).second) {
        header_warnings_.note(converted.header_warnings);
    }
}

std::unique_ptr<VolumeSource::Desk> VolumeSource::take_desk() const {
    std::lock_guard const lock(mutex_);
    if (free_desks_.empty()) {
        return std::make_unique<Desk>(SampleConverter(options_, table_, nullptr), ConvertedSample());
    }
    std::unique_ptr<Desk> desk = std::move(free_desks_.back());
    free_desks_.pop_back();
    return desk;
}

void VolumeSource::give_back(std::unique_ptr<Desk> desk) const {
    std::lock_guard const lock(mutex_);
    free_desks_.push_back(std::move(desk));
}

}  // namespace ctclip
