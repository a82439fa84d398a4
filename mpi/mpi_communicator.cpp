#include "mpi/mpi_communicator.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/pulse.hpp"
#include "mpi/mpi_check.hpp"

namespace ctclip {
namespace {

MPI_Datatype mpi_type(Element element) {
    switch (element) {
        case Element::kF64:
            return MPI_DOUBLE;
        case Element::kF32:
            return MPI_FLOAT;
        case Element::kI64:
            return MPI_INT64_T;
        case Element::kI32:
            return MPI_INT32_T;
        case Element::kU8:
            return MPI_UINT8_T;
    }
    fail(ExitCode::kInternal, "unknown element type {}", static_cast<int>(element));
}

MPI_Op mpi_op(Reduction reduction) {
    switch (reduction) {
        case Reduction::kSum:
        case Reduction::kAverage:
            return MPI_SUM;
        case Reduction::kMin:
            return MPI_MIN;
        case Reduction::kMax:
            return MPI_MAX;
    }
    fail(ExitCode::kInternal, "unknown reduction {}", static_cast<int>(reduction));
}

template <class T>
void divide(void* data, std::size_t count, int divisor) {
    T* const values = static_cast<T*>(data);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] /= static_cast<T>(divisor);
    }
}

/// MPI has no average: the sum is divided afterwards.
void finish_reduction(void* data, std::size_t count, Element element, Reduction reduction, int world_size) {
    if (reduction != Reduction::kAverage || world_size == 1) {
        return;
    }
    if (element == Element::kF64) {
        divide<double>(data, count, world_size);
    } else {
        divide<float>(data, count, world_size);
    }
}

/// Calls `transfer(offset, count)` for pieces of at most `max_count`.
template <class Transfer>
void in_pieces(std::size_t total, std::size_t max_count, Transfer const& transfer) {
    for (std::size_t offset = 0; offset < total; offset += max_count) {
        transfer(offset, static_cast<int>(std::min(max_count, total - offset)));
    }
}

std::byte* at(void* data, std::size_t offset_bytes) {
    return static_cast<std::byte*>(data) + offset_bytes;
}

using MpiTurn = std::scoped_lock<std::recursive_mutex>;

class MpiPending final : public PendingCollective, private Advancing {
  public:
    MpiPending(void* data, std::size_t count, Element element, Reduction reduction, int world_size,
               BackgroundProgress& background)
        : data_(data),
          count_(count),
          element_(element),
          reduction_(reduction),
          world_size_(world_size),
          background_(background) {}
    MpiPending(MpiPending const&) = delete;
    MpiPending& operator=(MpiPending const&) = delete;

    /// Reached with requests only when an exception passes. MPI may still write into the buffer, so give the
    /// others a moment to finish; no longer, since they may be dead and the frame is about to abort.
    ~MpiPending() override {
        background_.forget(*this);
        auto const deadline = Clock::now() + std::chrono::seconds(2);
        while (!requests_.empty() && Clock::now() < deadline) {
            {
                MpiTurn const turn(mpi_turn());
                advance();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (!requests_.empty()) {
            log_warning("an all-reduce was given up unfinished");
        }
    }

    void start(MPI_Comm comm, std::size_t max_count) {
        MpiTurn const turn(mpi_turn());
        in_pieces(count_, max_count, [&](std::size_t offset, int count) {
            MPI_Request request = MPI_REQUEST_NULL;
            mpi_check(MPI_Iallreduce(MPI_IN_PLACE, at(data_, offset * element_size_bytes(element_)), count,
                                     mpi_type(element_), mpi_op(reduction_), comm, &request),
                      "MPI_Iallreduce");
            requests_.push_back(request);
        });
        if (world_size_ > 1) {
            background_.watch(*this);
        }
    }

    void wait() override {
        WaitScope const waiting;
        {
            MpiTurn const turn(mpi_turn());
            if (!finished_at_) {
                settle(MPI_Waitall(num_requests(), requests_.data(), MPI_STATUSES_IGNORE));
            }
        }
        background_.forget(*this);
        mpi_check(status_, "MPI_Waitall(MPI_Iallreduce)");
    }

    std::optional<std::chrono::steady_clock::time_point> finished_at() const override { return finished_at_; }

  private:
    using Clock = std::chrono::steady_clock;

    bool advance() noexcept override {
        if (!finished_at_) {
            int is_finished = 0;
            int const status = MPI_Testall(num_requests(), requests_.data(), &is_finished, MPI_STATUSES_IGNORE);
            if (status != MPI_SUCCESS || is_finished != 0) {
                settle(status);
            }
        }
        return finished_at_.has_value();
    }

    void settle(int status) noexcept {
        status_ = status;
        requests_.clear();
        if (status == MPI_SUCCESS) {
            finish_reduction(data_, count_, element_, reduction_, world_size_);
        }
        finished_at_ = Clock::now();
    }

    int num_requests() const noexcept { return static_cast<int>(requests_.size()); }

    void* data_;
    std::size_t count_;
    Element element_;
    Reduction reduction_;
    int world_size_;
    BackgroundProgress& background_;
    // With mpi_turn() held, until wait() has returned:
    std::vector<MPI_Request> requests_;
    int status_ = MPI_SUCCESS;
    std::optional<Clock::time_point> finished_at_;
};

}  // namespace

void MpiCommTraits::close(Raw raw) noexcept {
    if (MPI_Comm_free(&raw) != MPI_SUCCESS) {
        log_warning("MPI_Comm_free failed");
    }
}

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::size_t max_count) : max_count_(max_count) {
    require(max_count >= 1 && max_count <= kMaxCount, ExitCode::kInternal, "max_count {} is not in 1..{}",
            max_count, kMaxCount);
    MPI_Comm duplicate = MPI_COMM_NULL;
    mpi_check(MPI_Comm_dup(parent, &duplicate), "MPI_Comm_dup");
    comm_.reset(duplicate);
    mpi_check(MPI_Comm_rank(duplicate, &rank_), "MPI_Comm_rank");
    mpi_check(MPI_Comm_size(duplicate, &world_size_), "MPI_Comm_size");
}

void MpiCommunicator::barrier() {
    WaitScope const waiting;
    MpiTurn const turn(mpi_turn());
    mpi_check(MPI_Barrier(comm_.get()), "MPI_Barrier");
}

void MpiCommunicator::broadcast(void* data, std::size_t num_bytes, int root) {
    WaitScope const waiting;
    MpiTurn const turn(mpi_turn());
    in_pieces(num_bytes, max_count_, [&](std::size_t offset, int count) {
        mpi_check(MPI_Bcast(at(data, offset), count, MPI_BYTE, root, comm_.get()), "MPI_Bcast");
    });
}

void MpiCommunicator::all_reduce(void* data, std::size_t count, Element element, Reduction reduction) {
    check_reduction(element, reduction);
    WaitScope const waiting;
    MpiTurn const turn(mpi_turn());
    in_pieces(count, max_count_, [&](std::size_t offset, int piece) {
        mpi_check(MPI_Allreduce(MPI_IN_PLACE, at(data, offset * element_size_bytes(element)), piece,
                                mpi_type(element), mpi_op(reduction), comm_.get()),
                  "MPI_Allreduce");
    });
    finish_reduction(data, count, element, reduction, world_size_);
}

std::unique_ptr<PendingCollective> MpiCommunicator::all_reduce_async(void* data, std::size_t count,
                                                                     Element element, Reduction reduction) {
    check_reduction(element, reduction);
    auto pending = std::make_unique<MpiPending>(data, count, element, reduction, world_size_, background_);
    pending->start(comm_.get(), max_count_);
    return pending;
}

void MpiCommunicator::all_gather(void const* sent, void* received, std::size_t num_bytes) {
    WaitScope const waiting;
    MpiTurn const turn(mpi_turn());
    if (num_bytes <= max_count_) {
        int const count = static_cast<int>(num_bytes);
        mpi_check(MPI_Allgather(sent, count, MPI_BYTE, received, count, MPI_BYTE, comm_.get()),
                  "MPI_Allgather");
        return;
    }
    // A split all-gather would need strided receives, whose offsets overflow MPI's int.
    std::memmove(at(received, static_cast<std::size_t>(rank_) * num_bytes), sent, num_bytes);
    for (int root = 0; root < world_size_; ++root) {
        broadcast(at(received, static_cast<std::size_t>(root) * num_bytes), num_bytes, root);
    }
}

void MpiCommunicator::reduce_scatter_sum(void const* sent, void* received, std::size_t count,
                                         Element element) {
    WaitScope const waiting;
    MpiTurn const turn(mpi_turn());
    std::size_t const item_size_bytes = element_size_bytes(element);
    // Open MPI adds the counts of all ranks in an int.
    if (count <= max_count_ / static_cast<std::size_t>(world_size_)) {
        mpi_check(MPI_Reduce_scatter_block(sent, received, static_cast<int>(count), mpi_type(element),
                                           MPI_SUM, comm_.get()),
                  "MPI_Reduce_scatter_block");
        return;
    }
    for (int root = 0; root < world_size_; ++root) {
        std::byte const* const part =
            static_cast<std::byte const*>(sent) + static_cast<std::size_t>(root) * count * item_size_bytes;
        in_pieces(count, max_count_, [&](std::size_t offset, int piece) {
            std::size_t const offset_bytes = offset * item_size_bytes;
            mpi_check(MPI_Reduce(part + offset_bytes, rank_ == root ? at(received, offset_bytes) : nullptr,
                                 piece, mpi_type(element), MPI_SUM, root, comm_.get()),
                      "MPI_Reduce");
        });
    }
}

void MpiCommunicator::progress() {
    background_.advance();
}

}  // namespace ctclip
