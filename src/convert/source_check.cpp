#include "convert/source_check.hpp"

#include <algorithm>
#include <utility>

#include "base/digested_file.hpp"
#include "base/error.hpp"
#include "npz/half_volume.hpp"
#include "shard/python_json.hpp"
#include "study/spacing.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

void require_file_on_record(ConversionRecord const& record, fs::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    std::uint64_t const size_bytes = file_size_bytes(file, path);
    std::uint32_t const crc = file_crc32c(file, path);
    require(
        size_bytes == record.source_size_bytes && crc == record.source_crc32c, ExitCode::kBadInput,
        "{} is not the file that was converted: {} bytes with CRC-32C {:08x}, on record are {} with {:08x}",
        path.string(), size_bytes, crc, record.source_size_bytes, record.source_crc32c);
}

std::string position_of(std::size_t index, VolumeShape const& shape) {
    auto const voxel = static_cast<std::int64_t>(index);
    return fmt::format("({}, {}, {})", voxel / (shape[1] * shape[2]), voxel / shape[2] % shape[1],
                       voxel % shape[2]);
}

}  // namespace

SourceCheck::SourceCheck(fs::path sources, VolumePreprocessor preprocess)
    : sources_(std::move(sources)), preprocess_(std::move(preprocess)) {}

fs::path SourceCheck::path_of(ConversionRecord const& record) const {
    fs::path const relative = record.source_path;
    bool const stays_inside = !relative.empty() && relative.is_relative() &&
                              std::ranges::find(relative, fs::path("..")) == relative.end();
    require(stays_inside, ExitCode::kBadInput, "source {} of a shard's index lies outside {}",
            python_string(record.source_path), sources_.string());
    return sources_ / relative;
}

void SourceCheck::check(ShardReader const& reader, SidecarSample const& sample) {
    std::string const shard = reader.index().path.string();
    require(sample.conversion.has_value(), ExitCode::kBadInput,
            "{}: sample {} has no source on record (the shard was indexed, not converted by ctclip-convert)",
            shard, python_string(sample.sample.key));
    fs::path const path = path_of(*sample.conversion);
    require_file_on_record(*sample.conversion, path);
    convert_source(*sample.conversion, path);
    SampleMetadata const metadata = reader.read_metadata(sample.sample);
    if (metadata.layout == VolumeLayout::kPreprocessed) {
        preprocess_like(sample);
    }
    require(metadata.volume_shape == shape_, ExitCode::kBadInput,
            "{}: sample {} has another shape than {} gives", shard, python_string(sample.sample.key),
            path.string());
    stored_.resize(fresh_.size());
    reader.read_volume(sample.sample, stored_);
    auto const different = std::ranges::mismatch(stored_, fresh_).in1;
    require(different == stored_.end(), ExitCode::kBadInput,
            "{}: sample {} differs from {}, first in voxel {}", shard, python_string(sample.sample.key),
            path.string(), position_of(static_cast<std::size_t>(different - stored_.begin()), shape_));
}

void SourceCheck::convert_source(ConversionRecord const& record, fs::path const& path) {
    NpzArray const& array = reader_.read(path, record.npz_key);
    fresh_.resize(static_cast<std::size_t>(element_count(array.shape)));
    convert_to_half(array, fresh_);
    if (record.ledger.num_out_of_range > 0) {
        saturate_halves(fresh_);
    }
    shape_ = {array.shape.at(0), array.shape.at(1), array.shape.at(2)};
}

void SourceCheck::preprocess_like(SidecarSample const& sample) {
    ConversionRecord const& record = *sample.conversion;
    SampleMetadata raw;
    raw.study_id = sample.study_id;
    raw.volume_shape = shape_;
    raw.xy_spacing = record.csv_xy_spacing;
    raw.xy_spacing_mm = parse_xy_spacing_mm(record.csv_xy_spacing).value_or(0.0);
    raw.z_spacing_mm = record.csv_z_spacing;
    if (record.rescale != name_of(RescalePolicy::kAlreadyHu)) {
        raw.rescale_slope = record.csv_rescale_slope;
        raw.rescale_intercept = record.csv_rescale_intercept;
    }
    PreprocessedVolume volume = preprocess_(raw, fresh_);
    shape_ = volume.shape;
    fresh_ = std::move(volume.halves);
}

}  // namespace ctclip
