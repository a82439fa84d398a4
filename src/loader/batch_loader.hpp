/// Batches, made ready by background threads while the caller computes.
///
/// Memory is bounded and stated up front: prefetch_factor + 1 batches, and one stored volume per thread where
/// threads make the model's input. Rows of a batch are shared out among all threads, so the next batch is
/// always the one being worked on. The sequence of batches does not depend on the number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "loader/row_loader.hpp"

namespace ctclip {

class BatchLoader;

/// Gives a batch's memory back to its loader, which must still exist; does nothing for a batch without one.
struct ReturnBatch {
    BatchLoader* loader = nullptr;
    void operator()(HostBatch const* batch) const noexcept;
};
using BatchLease = std::unique_ptr<HostBatch const, ReturnBatch>;

struct LoaderOptions {
    DataOptions data;
    Remainder remainder = Remainder::kDrop;
    Epochs epochs = Epochs::kEndless;
    std::optional<std::int64_t> num_samples;  ///< only the dataset's first so many, unshuffled; null: all
    VolumeForm form = VolumeForm::kModelInput;
    std::int64_t max_tokens = 512;  ///< T; used only with a tokenizer
    int rank = 0;
    int world_size = 1;
};

/// The most that batches and threads of a BatchLoader will ever hold.
std::uint64_t loader_memory_bytes(SampleSource const& source, LoaderOptions const& options);

class BatchLoader {
  public:
    /// @param tokenizer  null: batches without tokens.
    /// @param start      where to begin: {seed} for a new run, a batch's state_after to go on.
    /// @param memory     where batches live; must outlive the loader.
    /// @throws Error kBadInput when `start` belongs to another dataset, or as BatchSequence.
    BatchLoader(std::shared_ptr<SampleSource const> source, LoaderOptions const& options,
                std::shared_ptr<WordPieceTokenizer const> tokenizer, SamplerState const& start,
                HostMemory& memory = ordinary_memory());
    BatchLoader(BatchLoader const&) = delete;
    BatchLoader& operator=(BatchLoader const&) = delete;
    ~BatchLoader();

    /// The next batch of this rank; null after the last (Epochs::kOne). One caller at a time, and at most
    /// prefetch_factor leases may be held. @throws Error of the first row in the batch that cannot be made;
    /// so does every later call: nothing is skipped silently.
    BatchLease next();

    std::int64_t batches_per_epoch() const { return sequence_options_.batches_per_epoch(); }
    /// loader_memory_bytes
    std::uint64_t memory_bound_bytes() const noexcept { return memory_bound_bytes_; }
    StageTimes stage_times() const;
    /// Different samples that were replaced on this rank so far (data.bad_samples: replace).
    std::int64_t num_bad_samples() const { return row_loader_.num_bad_samples(); }

  private:
    friend struct ReturnBatch;

    enum class SlotState : std::uint8_t { kFree, kFilling, kReady, kLeased };
    struct Slot {
        HostBuffer volumes;
        HostBatch batch;
        SlotState state = SlotState::kFree;
        std::int64_t num_issued = 0;    // rows that a thread has taken
        std::int64_t num_finished = 0;  // rows that are done or failed
        std::vector<std::exception_ptr> errors;
    };
    struct Ticket {
        Slot* slot;
        std::int64_t row;
    };

    void prepare_slot(Slot& slot, BatchShape const& shape, VolumeForm form, HostMemory& memory) const;
    void run_worker(std::stop_token const& stop);
    /// Needs the lock. Nothing: no free slot now, or no batch left.
    std::optional<Ticket> try_take_row();
    void load_row(Ticket ticket, WorkerScratch& scratch);
    void return_batch(HostBatch const* batch) noexcept;

    std::shared_ptr<SampleSource const> source_;
    RowLoader row_loader_;
    SequenceOptions sequence_options_;
    std::uint64_t memory_bound_bytes_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable_any work_changed_;  // a slot became free, or there is no batch left
    std::condition_variable batch_changed_;     // a slot became ready, or there is no batch left
    BatchSequence sequence_;
    std::vector<Slot> slots_;  // batch k is made in slot k mod size
    std::size_t filling_ = 0;  // the batch whose rows are being issued
    std::size_t next_to_deliver_ = 0;
    bool is_at_end_ = false;  // no batch `filling_` exists
    StageTimes stage_times_;

    WorkerScratch own_scratch_;          // for num_workers == 0
    std::vector<std::jthread> workers_;  // last: they stop before anything above is destroyed
};

}  // namespace ctclip
