#include "loader/row_loader.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/log.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kMaxReplacements = 16;  // in a row: more means that the dataset itself is bad
constexpr std::chrono::milliseconds kFirstPause{100};

/// A failing disk or server may recover; a sample that contradicts itself will not.
bool may_pass(Error const& error) {
    return error.code() == ExitCode::kIoError;
}

bool is_bad_sample(Error const& error) {
    return error.code() == ExitCode::kBadInput || may_pass(error);
}

}  // namespace

RowLoader::RowLoader(std::shared_ptr<SampleSource const> source, DataOptions const& options,
                     std::shared_ptr<WordPieceTokenizer const> tokenizer, std::uint64_t seed)
    : source_(source),
      preparer_(std::move(source), options, std::move(tokenizer)),
      policy_(options.bad_samples),
      read_retries_(options.read_retries),
      seed_(seed),
      bad_samples_(options.max_bad_samples, source_->checker()) {}

StageTimes RowLoader::load(HostBatch& batch, std::int64_t row, WorkerScratch& scratch) {
    BatchRow& batch_row = batch.rows[static_cast<std::size_t>(row)];
    if (batch_row.index == kPaddingRow) {
        preparer_.prepare_padding(batch, row);
        return {};
    }
    for (std::int64_t attempt = 0;; ++attempt) {
        try {
            return prepare_with_retries(batch_row.index, batch, row, scratch);
        } catch (Error const& error) {
            if (policy_ == BadSamplePolicy::kFail || !is_bad_sample(error) || attempt == kMaxReplacements) {
                throw;
            }
            note_bad_sample(batch_row.index, error);
        }
        batch_row.replaced.push_back(batch_row.index);
        batch_row.index =
            replacement_index(seed_, batch.state_after.epoch, batch_row.position, attempt, source_->size());
    }
}

StageTimes RowLoader::prepare_with_retries(std::int64_t index, HostBatch& batch, std::int64_t row,
                                           WorkerScratch& scratch) const {
    for (std::int64_t retry = 0;; ++retry) {
        try {
            return preparer_.prepare(index, batch, row, scratch);
        } catch (Error const& error) {
            if (!may_pass(error) || retry == read_retries_) {
                throw;
            }
        }
        std::this_thread::sleep_for(kFirstPause * (std::int64_t{1} << std::min<std::int64_t>(retry, 6)));
    }
}

void RowLoader::note_bad_sample(std::int64_t index, Error const& error) {
    if (bad_samples_.add(index)) {
        log_warning(
            "study {} cannot be used ({}); another takes its place. That makes {} on this rank. `{}` names "
            "it.",
            pseudonym(seed_, source_->study_id(index)),
            may_pass(error) ? "it cannot be read" : "its data is wrong", num_bad_samples(),
            source_->checker());
    }
}

}  // namespace ctclip
