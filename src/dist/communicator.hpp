/// How ranks talk. Implementations: SelfCommunicator (world size 1, no library), MpiCommunicator (host
/// memory), NcclCommunicator (device memory); src/ never sees MPI or NCCL.
///
/// "Collective": every rank must call it, in the same order, with the same sizes. One thread at a time.
/// A communicator works on one kind of memory. Host: a call returns when its result is there. Device: a call
/// returns when its result is in order behind the caller's current stream, so that later work on that stream
/// sees it; the host does not wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

namespace ctclip {

enum class Element { kF64, kF32, kI64, kI32, kU8 };
/// kAverage (floating point only) is the sum over ranks divided by their number.
enum class Reduction { kSum, kAverage, kMin, kMax };
enum class Memory { kHost, kDevice };

std::size_t element_size_bytes(Element element);

/// Throws Error kInternal for an average of integers.
void check_reduction(Element element, Reduction reduction);

/// An operation that runs while the caller computes. The buffer must live, untouched, until wait() returns.
class PendingCollective {
  public:
    virtual ~PendingCollective() = default;
    /// At most once. Not collective: operations may be awaited in any order.
    virtual void wait() = 0;
    /// When the result was there, which may be long before wait(): to be asked after it. Nothing where the host does
    /// not know (device memory).
    virtual std::optional<std::chrono::steady_clock::time_point> finished_at() const { return std::nullopt; }
};

class Communicator {
  public:
    virtual ~Communicator() = default;

    virtual int rank() const noexcept = 0;        ///< 0-based
    virtual int world_size() const noexcept = 0;  ///< >= 1
    virtual Memory memory() const noexcept = 0;

    /// All below, up to progress(), are collective; counts may exceed 2^31.
    virtual void barrier() = 0;
    virtual void broadcast(void* data, std::size_t num_bytes, int root) = 0;
    /// In place.
    virtual void all_reduce(void* data, std::size_t count, Element element, Reduction reduction) = 0;
    /// In place, may overlap with computation.
    virtual std::unique_ptr<PendingCollective> all_reduce_async(void* data, std::size_t count,
                                                                Element element, Reduction reduction) = 0;
    /// `received` holds world_size() * num_bytes bytes, rank 0's first.
    virtual void all_gather(void const* sent, void* received, std::size_t num_bytes) = 0;
    /// `sent` holds world_size() * count elements; rank r receives the sum of everyone's r-th part.
    virtual void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) = 0;

    /// Lets operations that run advance. Cheap, not collective; worth a call now and then during long
    /// computations.
    virtual void progress() = 0;

  protected:
    Communicator() = default;
    Communicator(Communicator const&) = default;
    Communicator& operator=(Communicator const&) = default;
};

/// True on all ranks if `wish` is true on one. Collective, over a host communicator.
bool any_rank(bool wish, Communicator& communicator);

}  // namespace ctclip
