/// Gradients averaged over ranks while backward still runs: each bucket's all-reduce starts as soon as its
/// last gradient is there (Li et al. 2020, "PyTorch Distributed"). Sums are made in the gradients' own type,
/// float32 (float64 in tests), whatever the compute precision.
///
/// One optimizer step over k micro-batches:
///     sync.zero();
///     for micro-batches 1 .. k-1:  backward(loss / k)       // gradients accumulate locally
///     sync.start();                backward(loss / k)       // the last one: gradients leave as they are
///     sync.finish();                                                  // averages on every rank
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "optim/named_tensor.hpp"

namespace ctclip {

/// When buckets leave.
enum class SyncOverlap {
    kWithBackward,   ///< each as soon as it is complete
    kAfterBackward,  ///< all of them then: what the overlap is measured against
};

struct GradientSyncOptions {
    std::size_t bucket_cap_bytes = std::size_t{25} << 20;
    SyncOverlap overlap = SyncOverlap::kWithBackward;
};

class GradientSync {
  public:
    /// Gives every parameter a zero gradient that is a view into its bucket (so nothing is copied to send
    /// it), and hooks into backward. Not collective, but every rank needs the same parameters in the same
    /// order.
    /// @param parameters    contiguous leaves that require gradients, float32 (or float64), all on one device, in the
    ///                      order in which forward uses them: the last one's gradient comes first and travels first.
    ///                      Keep no other GradientSync on them.
    /// @param communicator  outlives this object; reaches the parameters' memory. No other thread uses it between
    ///                      start() and finish().
    /// @throws Error kInternal otherwise.
    GradientSync(NamedTensors const& parameters, Communicator& communicator,
                 GradientSyncOptions const& options = {});
    GradientSync(GradientSync const&) = delete;
    GradientSync& operator=(GradientSync const&) = delete;
    /// Takes the hooks out again. Not while a backward runs.
    ~GradientSync();

    /// Before the first micro-batch of a step. @throws Error kInternal if someone replaced a gradient tensor.
    void zero();

    /// Before the backward whose gradients complete the step. From here on ranks must do the same.
    void start();

    /// Collective, after that backward. A parameter that took no part in it on this rank counts as what it
    /// has accumulated, zero if nothing.
    void finish();

    /// In the order of the parameters. Averages after finish(); overwritten by the next step.
    std::vector<at::Tensor> const& gradients() const noexcept { return gradients_; }

    /// Of the last step on this rank, before averaging: the sum of each gradient, in the order of the parameters;
    /// undefined where backward made none. Not finite where the gradient is not: tells which rank overflowed.
    /// Empty with one rank, whose averages tell it all. Nothing waits for the device.
    std::vector<at::Tensor> const& local_sums() const noexcept;

    /// Of the last step: how long finish() kept its caller, the part of the averaging that backward did not hide.
    double exposed_s() const noexcept;
    /// Of the last step: the share of the time in which gradients were under way that lay behind backward, 0 .. 1.
    /// Nothing with one rank, and on a GPU, where the host does not see it (a profiler does).
    std::optional<double> hidden_share() const noexcept;
    /// Of the last step: buckets that left before backward made its last gradient (tests, diagnosis).
    std::size_t num_early_buckets() const noexcept;
    /// Of the last step: buckets that left before backward ended, and their number (tests, diagnosis).
    std::size_t num_overlapped_buckets() const noexcept;
    std::size_t num_buckets() const noexcept;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
    std::vector<at::Tensor> gradients_;
};

}  // namespace ctclip
