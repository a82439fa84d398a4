/// How ranks talk. Implementations: SelfCommunicator (world size 1, no library), MpiCommunicator (host memory),
/// NcclCommunicator (device memory); src/ never sees MPI or NCCL.
///
/// "Collective": every rank must call it, in the same order, with the same sizes.
#pragma once

#include <cstddef>
#include <memory>

namespace ctclip {

enum class Element { kF64, kF32, kI64, kI32, kU8 };
enum class Reduction { kSum, kMin, kMax };

std::size_t element_size_bytes(Element element);

/// An operation that runs while the caller computes. The buffers must live until wait() returns.
class PendingCollective {
  public:
    virtual ~PendingCollective() = default;
    virtual void wait() = 0;
};

class Communicator {
  public:
    virtual ~Communicator() = default;

    virtual int rank() const noexcept = 0;        ///< 0-based
    virtual int world_size() const noexcept = 0;  ///< >= 1

    /// All below are collective; counts may exceed 2^31.
    virtual void barrier() = 0;
    virtual void broadcast(void* data, std::size_t num_bytes, int root) = 0;
    /// In place.
    virtual void all_reduce(void* data, std::size_t count, Element element, Reduction reduction) = 0;
    /// In place, may overlap with computation.
    virtual std::unique_ptr<PendingCollective> all_reduce_async(void* data, std::size_t count, Element element,
                                                                Reduction reduction) = 0;
    /// `received` holds world_size() * num_bytes bytes, rank 0's first.
    virtual void all_gather(void const* sent, void* received, std::size_t num_bytes) = 0;
    /// `sent` holds world_size() * count elements; rank r receives the sum of everyone's r-th part.
    virtual void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) = 0;

  protected:
    Communicator() = default;
    Communicator(Communicator const&) = default;
    Communicator& operator=(Communicator const&) = default;
};

}  // namespace ctclip
