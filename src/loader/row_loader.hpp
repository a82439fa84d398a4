/// A row of a batch, come what may: retries, and replaces bad samples where the configuration allows it.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "loader/bad_samples.hpp"
#include "loader/row_preparer.hpp"

namespace ctclip {

/// Thread-safe.
class RowLoader {
  public:
    /// @param seed  of the run.
    RowLoader(std::shared_ptr<SampleSource const> source, DataOptions const& options,
              std::shared_ptr<WordPieceTokenizer const> tokenizer, std::uint64_t seed);

    /// Fills `row` of `batch` as batch.rows says. A replaced row gets its new index there.
    /// @throws Error naming file, member and cause when the sample is bad and may not be replaced.
    StageTimes load(HostBatch& batch, std::int64_t row, WorkerScratch& scratch);

    std::int64_t num_bad_samples() const { return bad_samples_.count(); }

  private:
    StageTimes prepare_with_retries(std::int64_t index, HostBatch& batch, std::int64_t row,
                                    WorkerScratch& scratch) const;
    void note_bad_sample(std::int64_t index, Error const& error);

    std::shared_ptr<SampleSource const> source_;
    RowPreparer preparer_;
    BadSamplePolicy policy_;
    std::int64_t read_retries_;
    std::uint64_t seed_;
    BadSampleLedger bad_samples_;
};

}  // namespace ctclip
