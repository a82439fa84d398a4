/// One sample: stored -> one row of a batch. What every loading thread does.
#pragma once

#include <memory>
#include <optional>

#include "kernels/preprocess_cpu.hpp"
#include "loader/data_options.hpp"
#include "loader/host_batch.hpp"
#include "loader/loader_statistics.hpp"
#include "loader/sample_source.hpp"
#include "text/wordpiece_tokenizer.hpp"

namespace ctclip {

/// Memory of one loading thread.
struct WorkerScratch {
    HostBuffer voxels;
    PreprocessScratch preprocess;
};

/// Thread-safe: rows of one batch may be written at the same time.
class RowPreparer {
  public:
    /// @param tokenizer  may be null: no tokens are made.
    RowPreparer(std::shared_ptr<SampleSource const> source, DataOptions const& options,
                std::shared_ptr<WordPieceTokenizer const> tokenizer);

    /// The volume in the batch's form.   @throws Error naming file, member and cause.
    StageTimes prepare(std::int64_t index, HostBatch& batch, std::int64_t row, WorkerScratch& scratch) const;
    /// A row that stands for no sample: voxels -1, text "", labels NaN.
    void prepare_padding(HostBatch& batch, std::int64_t row) const;

  private:
    /// How the model's input is made of it; nothing for a volume that was preprocessed before it was stored.
    /// @throws Error kBadInput for one that was preprocessed to another shape.
    std::optional<PreprocessRecipe> recipe_of(SampleMetadata const& metadata, std::int64_t index) const;
    SourceSample read_stored(std::int64_t index, StoredVolume& stored, StageTimes& times) const;
    SourceSample read_model_input(std::int64_t index, std::span<float> input_zxy, WorkerScratch& scratch,
                                  StageTimes& times) const;
    void write_tokens(std::string_view report, HostBatch& batch, std::int64_t row) const;

    std::shared_ptr<SampleSource const> source_;
    std::shared_ptr<WordPieceTokenizer const> tokenizer_;
    TargetGrid grid_;
    ClipOrder clip_order_;
    ReportText report_text_;
};

}  // namespace ctclip
