#include "mpi/nccl_communicator.hpp"

#include <exception>
#include <future>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "mpi/cuda_check.hpp"
#include "mpi/nccl_check.hpp"

namespace ctclip {
namespace {

/// Short at first: a thread of NCCL takes most calls in some ten microseconds; backward waits for it at every bucket.
constexpr std::chrono::microseconds kFirstPollInterval(20);
constexpr std::chrono::milliseconds kPollInterval(1);
constexpr std::chrono::seconds kAbortDeadline(10);

ncclDataType_t nccl_type(Element element) {
    switch (element) {
        case Element::kF64:
            return ncclFloat64;
        case Element::kF32:
            return ncclFloat32;
        case Element::kI64:
            return ncclInt64;
        case Element::kI32:
            return ncclInt32;
        case Element::kU8:
            return ncclUint8;
    }
    fail(ExitCode::kInternal, "unknown element type {}", static_cast<int>(element));
}

ncclRedOp_t nccl_op(Reduction reduction) {
    switch (reduction) {
        case Reduction::kSum:
            return ncclSum;
        case Reduction::kAverage:
            return ncclAvg;
        case Reduction::kMin:
            return ncclMin;
        case Reduction::kMax:
            return ncclMax;
    }
    fail(ExitCode::kInternal, "unknown reduction {}", static_cast<int>(reduction));
}

CudaStreamHandle make_stream() {
    // A communication kernel that waits behind computation delays every rank: highest priority.
    int lowest = 0;
    int highest = 0;
    cuda_check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange");
    cudaStream_t stream = nullptr;
    cuda_check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, highest),
               "cudaStreamCreateWithPriority");
    return CudaStreamHandle(stream);
}

CudaEventHandle record(cudaStream_t stream) {
    cudaEvent_t event = nullptr;
    cuda_check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    CudaEventHandle owner(event);
    cuda_check(cudaEventRecord(event, stream), "cudaEventRecord");
    return owner;
}

/// Work put on `stream` from now on starts after the event; nothing waits on the host.
void order_after(cudaStream_t stream, CudaEventHandle const& event) {
    cuda_check(cudaStreamWaitEvent(stream, event.get(), 0), "cudaStreamWaitEvent");
}

class NcclPending final : public PendingCollective {
  public:
    NcclPending(CudaEventHandle done, std::function<cudaStream_t()> const& current_stream)
        : done_(std::move(done)), current_stream_(current_stream) {}

    void wait() override { order_after(current_stream_(), done_); }

  private:
    CudaEventHandle done_;
    std::function<cudaStream_t()> const& current_stream_;
};

}  // namespace

void CudaStreamTraits::close(Raw raw) noexcept {
    if (cudaStreamDestroy(raw) != cudaSuccess) {
        log_warning("cudaStreamDestroy failed");
    }
}

void CudaEventTraits::close(Raw raw) noexcept {
    if (cudaEventDestroy(raw) != cudaSuccess) {
        log_warning("cudaEventDestroy failed");
    }
}

/// ncclCommAbort may itself hang when a peer is gone, so a thread does it, and is left behind if it does.
void NcclCommTraits::close(Raw raw) noexcept {
    std::packaged_task<ncclResult_t()> task([raw] { return ncclCommAbort(raw); });
    std::future<ncclResult_t> const result = task.get_future();
    std::thread(std::move(task)).detach();
    if (result.wait_for(kAbortDeadline) != std::future_status::ready) {
        log_warning("ncclCommAbort did not return within {} s", kAbortDeadline.count());
    }
}

NcclCommunicator::NcclCommunicator(Communicator& host, std::function<cudaStream_t()> current_stream,
                                   std::chrono::seconds deadline)
    : host_(host),
      current_stream_(std::move(current_stream)),
      deadline_(deadline),
      num_exceptions_(std::uncaught_exceptions()),
      stream_(make_stream()) {
    ncclUniqueId id{};
    if (host_.rank() == 0) {
        nccl_check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    }
    host_.broadcast(&id, sizeof id, 0);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // the only mode in which a call stuck on a dead peer can be aborted
    ncclComm_t comm = nullptr;
    ncclResult_t const status = ncclCommInitRankConfig(&comm, host_.world_size(), id, host_.rank(), &config);
    comm_.reset(comm);
    nccl_check(status, "ncclCommInitRankConfig");
    wait_until_ready("ncclCommInitRankConfig");
}

NcclCommunicator::~NcclCommunicator() {
    if (std::uncaught_exceptions() > num_exceptions_) {
        return;
    }
    try {
        finalize();
    } catch (Error const& error) {
        log_warning("{}", error.what());
    }
}

void NcclCommunicator::finalize() {
    nccl_check(ncclCommFinalize(comm_.get()), "ncclCommFinalize");
    wait_until_ready("ncclCommFinalize");
    nccl_check(ncclCommDestroy(comm_.release()), "ncclCommDestroy");
}

void NcclCommunicator::wait_until_ready(char const* call) {
    auto const begin = std::chrono::steady_clock::now();
    for (;;) {
        ncclResult_t state = ncclSuccess;
        nccl_check(ncclCommGetAsyncError(comm_.get(), &state), "ncclCommGetAsyncError");
        if (state != ncclInProgress) {
            nccl_check(state, call);
            return;
        }
        auto const waited = std::chrono::steady_clock::now() - begin;
        require(waited < deadline_, ExitCode::kTryAgain,
                "{} did not finish within {} s: a rank is missing or the network between the hosts does not "
                "work. NCCL_DEBUG=INFO tells which.",
                call, deadline_.count());
        std::this_thread::sleep_for(waited < kPollInterval ? kFirstPollInterval : kPollInterval);
    }
}

/// Enqueues behind the caller's stream; the event fires when the operation is done.
template <class Enqueue>
CudaEventHandle NcclCommunicator::run(char const* call, Enqueue const& enqueue) {
    order_after(stream_.get(), record(current_stream_()));
    nccl_check(enqueue(), call);
    wait_until_ready(call);
    return record(stream_.get());
}

template <class Enqueue>
void NcclCommunicator::run_in_order(char const* call, Enqueue const& enqueue) {
    order_after(current_stream_(), run(call, enqueue));
}

void NcclCommunicator::broadcast(void* data, std::size_t num_bytes, int root) {
    run_in_order("ncclBroadcast",
                 [&] { return ncclBroadcast(data, data, num_bytes, ncclUint8, root, comm_.get(), stream_.get()); });
}

void NcclCommunicator::all_reduce(void* data, std::size_t count, Element element, Reduction reduction) {
    all_reduce_async(data, count, element, reduction)->wait();
}

std::unique_ptr<PendingCollective> NcclCommunicator::all_reduce_async(void* data, std::size_t count,
                                                                      Element element, Reduction reduction) {
    check_reduction(element, reduction);
    CudaEventHandle done = run("ncclAllReduce", [&] {
        return ncclAllReduce(data, data, count, nccl_type(element), nccl_op(reduction), comm_.get(), stream_.get());
    });
    return std::make_unique<NcclPending>(std::move(done), current_stream_);
}

void NcclCommunicator::all_gather(void const* sent, void* received, std::size_t num_bytes) {
    run_in_order("ncclAllGather",
                 [&] { return ncclAllGather(sent, received, num_bytes, ncclUint8, comm_.get(), stream_.get()); });
}

void NcclCommunicator::reduce_scatter_sum(void const* sent, void* received, std::size_t count,
                                          Element element) {
    run_in_order("ncclReduceScatter", [&] {
        return ncclReduceScatter(sent, received, count, nccl_type(element), ncclSum, comm_.get(), stream_.get());
    });
}

void NcclCommunicator::progress() {
    ncclResult_t state = ncclSuccess;
    nccl_check(ncclCommGetAsyncError(comm_.get(), &state), "ncclCommGetAsyncError");
    nccl_check(state, "an operation of NCCL");
}

}  // namespace ctclip
