#include "loader/row_preparer.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.hpp"

namespace ctclip {
namespace {

template <class T>
std::span<T> row_of(std::vector<T>& values, std::int64_t row, std::int64_t length) {
    return std::span(values).subspan(static_cast<std::size_t>(row * length),
                                     static_cast<std::size_t>(length));
}

std::span<float> volume_of(HostBatch& batch, std::int64_t row) {
    auto const num_voxels = static_cast<std::size_t>(batch.shape.grid.num_voxels());
    return batch.volumes.subspan(static_cast<std::size_t>(row) * num_voxels, num_voxels);
}

/// @param read_s  checksum included.
void count_read(SourceSample const& sample, double read_s, StageTimes& times) {
    times.read_s = read_s - sample.checksum_s;
    times.checksum_s = sample.checksum_s;
    times.num_samples = 1;
    times.bytes_read = static_cast<std::uint64_t>(num_voxels(sample.metadata.volume_shape)) * sizeof(std::uint16_t);
}

/// The labels of a sample; NaN for one that has none.
void write_labels(std::span<float const> labels, std::span<float> row) {
    std::ranges::fill(row, std::numeric_limits<float>::quiet_NaN());
    std::ranges::copy(labels, row.begin());
}

}  // namespace

RowPreparer::RowPreparer(std::shared_ptr<SampleSource const> source, DataOptions const& options,
                         std::shared_ptr<WordPieceTokenizer const> tokenizer)
    : source_(std::move(source)),
      tokenizer_(std::move(tokenizer)),
      grid_(options.target_grid()),
      clip_order_(options.clip_order),
      report_text_(options.report_text) {}

StageTimes RowPreparer::prepare(std::int64_t index, HostBatch& batch, std::int64_t row,
                                WorkerScratch& scratch) const {
    StageTimes times;
    SourceSample const sample = batch.form() == VolumeForm::kStored
                                    ? read_stored(index, batch.stored[static_cast<std::size_t>(row)], times)
                                    : read_model_input(index, volume_of(batch, row), scratch, times);
    Stopwatch watch;
    write_tokens(model_text(sample.report, report_text_), batch, row);
    times.text_s = watch.lap_s("tokenize");
    write_labels(sample.labels, row_of(batch.labels, row, std::int64_t{kNumLabels}));
    batch.study_ids[static_cast<std::size_t>(row)] = sample.metadata.study_id;
    batch.keys[static_cast<std::size_t>(row)] = sample.key;
    return times;
}

SourceSample RowPreparer::read_stored(std::int64_t index, StoredVolume& stored, StageTimes& times) const {
    Stopwatch watch;
    SourceSample sample = source_->read(index, stored.memory);
    count_read(sample, watch.lap_s("read"), times);
    stored.voxels = sample.voxels;
    stored.recipe = recipe_of(sample.metadata, index);
    return sample;
}

SourceSample RowPreparer::read_model_input(std::int64_t index, std::span<float> input_zxy, WorkerScratch& scratch,
                                           StageTimes& times) const {
    auto const widen = [&](SampleMetadata const& metadata, std::int64_t x, std::span<std::uint16_t const> plane_yz) {
        Stopwatch watch;
        if (x == 0) {
            recipe_of(metadata, index);  // refuses a volume of another shape than the grid's
        }
        widen_plane(metadata.volume_shape, x, plane_yz, input_zxy, scratch.preprocess);
        times.preprocess_s += watch.lap_s();
    };
    Stopwatch watch;
    SourceSample sample = source_->read_in_planes(index, scratch.voxels, widen);
    count_read(sample, watch.lap_s("read") - times.preprocess_s, times);
    if (std::optional<PreprocessRecipe> const recipe = recipe_of(sample.metadata, index)) {
        preprocess(*recipe, sample.voxels, input_zxy, scratch.preprocess);
        times.preprocess_s = watch.lap_s("preprocess");
    }
    return sample;
}

void RowPreparer::prepare_padding(HostBatch& batch, std::int64_t row) const {
    if (batch.form() == VolumeForm::kStored) {
        StoredVolume& stored = batch.stored[static_cast<std::size_t>(row)];
        stored.voxels = {};
        stored.recipe.reset();
    } else {
        std::ranges::fill(volume_of(batch, row), kPaddingValue);
    }
    write_tokens("", batch, row);
    write_labels({}, row_of(batch.labels, row, std::int64_t{kNumLabels}));
    batch.study_ids[static_cast<std::size_t>(row)].clear();
    batch.keys[static_cast<std::size_t>(row)].clear();
}

std::optional<PreprocessRecipe> RowPreparer::recipe_of(SampleMetadata const& metadata, std::int64_t index) const {
    try {
        if (metadata.layout == VolumeLayout::kRaw) {
            VolumeGeometry const geometry =
                plan_geometry(metadata.volume_shape, metadata.xy_spacing_mm, metadata.z_spacing_mm, grid_);
            return make_recipe(geometry, metadata.rescale_slope, metadata.rescale_intercept, clip_order_);
        }
        VolumeShape const expected{grid_.shape_zxy[1], grid_.shape_zxy[2], grid_.shape_zxy[0]};
        VolumeShape const& found = metadata.volume_shape;
        require(found == expected, ExitCode::kBadInput,
                "it is preprocessed to {}x{}x{} voxels (x, y, z), but data.target_shape asks for {}x{}x{}. "
                "Convert "
                "the sources again, or set data.target_shape to what the shards hold.",
                found[0], found[1], found[2], expected[0], expected[1], expected[2]);
        return std::nullopt;
    } catch (Error const& error) {
        fail(error.code(), "{}: {}", source_->describe(index), error.what());
    }
}

void RowPreparer::write_tokens(std::string_view report, HostBatch& batch, std::int64_t row) const {
    if (tokenizer_ == nullptr) {
        return;
    }
    std::int64_t const length = batch.shape.num_tokens;
    TokenSequence const sequence = tokenizer_->encode(report, static_cast<std::size_t>(length));
    std::span<std::int64_t> const ids = row_of(batch.token_ids, row, length);
    std::span<std::int64_t> const mask = row_of(batch.attention_mask, row, length);
    std::ranges::fill(ids, tokenizer_->vocabulary().pad_id());
    std::ranges::fill(mask, 0);
    std::ranges::copy(sequence.ids, ids.begin());
    std::ranges::fill(mask.first(sequence.ids.size()), 1);
    batch.token_counts[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(sequence.ids.size());
}

}  // namespace ctclip
