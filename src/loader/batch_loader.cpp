#include "loader/batch_loader.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/large_memory.hpp"
#include "base/trace.hpp"

namespace ctclip {
namespace {

SequenceOptions sequence_options_of(LoaderOptions const& options, SampleSource const& source) {
    SequenceOptions sequence;
    sequence.order = options.data.order_options(source);
    if (options.num_samples) {
        CTCLIP_EXPECT(!options.data.shuffle);
        sequence.order.num_samples = std::min(*options.num_samples, source.size());
    }
    sequence.remainder = options.remainder;
    sequence.epochs = options.epochs;
    sequence.batch_size = options.data.batch_size;
    sequence.rank = options.rank;
    sequence.world_size = options.world_size;
    return sequence;
}

SamplerState checked_state(SamplerState state, SampleSource const& source) {
    require(state.dataset_digest.empty() || state.dataset_digest == source.digest(), ExitCode::kBadInput,
            "the data position to resume from belongs to another dataset (digest {}, the shards given have "
            "{}): its "
            "samples would be used twice or not at all. Give the shards that the run was started with.",
            state.dataset_digest, source.digest());
    state.dataset_digest = source.digest();
    return state;
}

std::exception_ptr first_error(std::vector<std::exception_ptr> const& errors) {
    auto const found =
        std::ranges::find_if(errors, [](std::exception_ptr const& error) { return error != nullptr; });
    return found == errors.end() ? nullptr : *found;
}

}  // namespace

std::uint64_t loader_memory_bytes(SampleSource const& source, LoaderOptions const& options) {
    BatchShape const shape{.num_rows = options.data.batch_size, .grid = options.data.target_grid()};
    auto const num_batches = static_cast<std::uint64_t>(options.data.prefetch_factor) + 1;
    auto const num_threads = static_cast<std::uint64_t>(std::max<std::int64_t>(options.data.num_workers, 1));
    std::uint64_t const scratch_bytes = num_threads * source.scratch_bytes_per_thread();
    std::uint64_t const stored_bytes = allocated_bytes(source.largest_volume_bytes());
    if (options.form == VolumeForm::kStored) {
        return num_batches * static_cast<std::uint64_t>(shape.num_rows) * stored_bytes + scratch_bytes;
    }
    auto const num_voxels = static_cast<std::size_t>(shape.num_voxels());
    return num_batches * allocated_bytes(num_voxels * sizeof(float)) + num_threads * stored_bytes + scratch_bytes;
}

void ReturnBatch::operator()(HostBatch const* batch) const noexcept {
    if (loader != nullptr) {
        loader->return_batch(batch);
    }
}

BatchLoader::BatchLoader(std::shared_ptr<SampleSource const> source, LoaderOptions const& options,
                         std::shared_ptr<WordPieceTokenizer const> tokenizer, SamplerState const& start,
                         HostMemory& memory)
    : source_(std::move(source)),
      row_loader_(source_, options.data, tokenizer, start.seed),
      sequence_options_(sequence_options_of(options, *source_)),
      sequence_(sequence_options_, checked_state(start, *source_)) {
    BatchShape shape;
    shape.num_rows = options.data.batch_size;
    shape.grid = options.data.target_grid();
    shape.num_tokens = tokenizer == nullptr ? 0 : options.max_tokens;
    auto const num_workers = static_cast<std::size_t>(options.data.num_workers);
    slots_.resize(static_cast<std::size_t>(options.data.prefetch_factor) + 1);
    for (Slot& slot : slots_) {
        prepare_slot(slot, shape, options.form, memory);
    }
    memory_bound_bytes_ = loader_memory_bytes(*source_, options);
    for (std::size_t worker = 0; worker < num_workers; ++worker) {
        workers_.emplace_back([this, worker](std::stop_token const& stop) {
            name_trace_thread(fmt::format("loader {}", worker));
            run_worker(stop);
        });
    }
}

BatchLoader::~BatchLoader() = default;

void BatchLoader::prepare_slot(Slot& slot, BatchShape const& shape, VolumeForm form,
                               HostMemory& memory) const {
    auto const num_rows = static_cast<std::size_t>(shape.num_rows);
    auto const num_tokens = static_cast<std::size_t>(shape.num_tokens);
    slot.volumes = HostBuffer(memory);
    slot.errors.resize(num_rows);
    HostBatch& batch = slot.batch;
    batch.shape = shape;
    if (form == VolumeForm::kStored) {
        for (std::size_t row = 0; row < num_rows; ++row) {
            batch.stored.push_back({.memory = HostBuffer(memory), .voxels = {}, .recipe = {}});
        }
    } else {
        batch.volumes = slot.volumes.resize<float>(static_cast<std::size_t>(shape.num_voxels()));
    }
    batch.token_ids.resize(num_rows * num_tokens);
    batch.attention_mask.resize(num_rows * num_tokens);
    batch.token_counts.resize(num_rows);
    batch.labels.resize(num_rows * kNumLabels);
    batch.study_ids.resize(num_rows);
    batch.keys.resize(num_rows);
}

BatchLease BatchLoader::next() {
    Stopwatch watch;
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[next_to_deliver_ % slots_.size()];
    require(slot.state != SlotState::kLeased, ExitCode::kInternal,
            "all {} batches are in use: give one back before the next is asked for", slots_.size());
    auto const is_decided = [&] {
        return slot.state == SlotState::kReady || (is_at_end_ && next_to_deliver_ == filling_);
    };
    while (workers_.empty() && !is_decided()) {
        if (std::optional<Ticket> const ticket = try_take_row()) {
            lock.unlock();
            load_row(*ticket, own_scratch_);
            lock.lock();
        }
    }
    batch_changed_.wait(lock, is_decided);
    if (slot.state != SlotState::kReady) {
        return nullptr;
    }
    if (std::exception_ptr const error = first_error(slot.errors)) {
        std::rethrow_exception(error);
    }
    slot.state = SlotState::kLeased;
    slot.batch.wait_s = watch.lap_s();
    ++next_to_deliver_;
    return {&slot.batch, ReturnBatch{this}};
}

StageTimes BatchLoader::stage_times() const {
    std::lock_guard const lock(mutex_);
    return stage_times_;
}

void BatchLoader::run_worker(std::stop_token const& stop) {
    WorkerScratch scratch;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        std::optional<Ticket> ticket;
        work_changed_.wait(lock, stop, [&] { return (ticket = try_take_row()).has_value() || is_at_end_; });
        if (!ticket) {
            return;
        }
        lock.unlock();
        load_row(*ticket, scratch);
        lock.lock();
    }
}

std::optional<BatchLoader::Ticket> BatchLoader::try_take_row() {
    Slot& slot = slots_[filling_ % slots_.size()];
    if (is_at_end_ || slot.state == SlotState::kReady || slot.state == SlotState::kLeased) {
        return std::nullopt;
    }
    if (slot.state == SlotState::kFree) {
        std::optional<BatchRows> rows = sequence_.next();
        if (!rows) {
            is_at_end_ = true;
            batch_changed_.notify_all();
            work_changed_.notify_all();
            return std::nullopt;
        }
        slot.state = SlotState::kFilling;
        slot.num_issued = 0;
        slot.num_finished = 0;
        slot.batch.num_valid =
            std::ranges::count_if(rows->rows, [](BatchRow const& row) { return row.index != kPaddingRow; });
        slot.batch.rows = std::move(rows->rows);
        slot.batch.state_after = std::move(rows->state_after);
    }
    if (slot.num_issued ==
        slot.batch.shape.num_rows) {  // the ring has come round to a batch that is not finished
        return std::nullopt;
    }
    Ticket const ticket{&slot, slot.num_issued++};
    if (slot.num_issued == slot.batch.shape.num_rows) {
        ++filling_;
    }
    return ticket;
}

void BatchLoader::load_row(Ticket ticket, WorkerScratch& scratch) {
    TraceScope const scope("load row", ticket.row);
    Slot& slot = *ticket.slot;
    StageTimes times;
    std::exception_ptr error;
    try {
        times = row_loader_.load(slot.batch, ticket.row, scratch);
    } catch (...) {
        error = std::current_exception();
    }
    std::lock_guard const lock(mutex_);
    stage_times_ += times;
    slot.errors[static_cast<std::size_t>(ticket.row)] = std::move(error);
    if (++slot.num_finished == slot.batch.shape.num_rows) {
        slot.state = SlotState::kReady;
        batch_changed_.notify_all();
    }
}

void BatchLoader::return_batch(HostBatch const* batch) noexcept {
    std::lock_guard const lock(mutex_);
    auto const slot =
        std::ranges::find_if(slots_, [&](Slot const& candidate) { return &candidate.batch == batch; });
    slot->state = SlotState::kFree;
    work_changed_.notify_all();
}

}  // namespace ctclip
