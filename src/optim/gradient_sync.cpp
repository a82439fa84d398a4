#include "optim/gradient_sync.hpp"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "base/error.hpp"
#include "base/trace.hpp"
#include "dist/bucket_plan.hpp"
#include "dist/pulse.hpp"
#include "model/tensor_element.hpp"

namespace ctclip {
namespace {

void check(NamedTensors const& parameters, Communicator const& communicator) {
    require(!parameters.empty(), ExitCode::kInternal, "there are no gradients to average: no parameters");
    at::Tensor const& first = parameters.front().tensor;
    for (auto const& [name, tensor] : parameters) {
        require(tensor.is_leaf() && tensor.requires_grad() && tensor.is_contiguous(), ExitCode::kInternal,
                "parameter {} is not a contiguous leaf that requires a gradient", name);
        require(tensor.device() == first.device() && tensor.scalar_type() == first.scalar_type(),
                ExitCode::kInternal, "parameter {} is {} on {}, but {} is {} on {}", name,
                at::toString(tensor.scalar_type()), tensor.device().str(), parameters.front().name,
                at::toString(first.scalar_type()), first.device().str());
    }
    bool const is_reachable =
        communicator.world_size() == 1 || first.is_cuda() == (communicator.memory() == Memory::kDevice);
    require(is_reachable, ExitCode::kInternal, "the communicator does not reach gradients on {}",
            first.device().str());
}

}  // namespace

class GradientSync::Impl {
  public:
    Impl(NamedTensors const& parameters, Communicator& communicator, GradientSyncOptions const& options)
        : communicator_(communicator),
          element_(element_of(parameters.front().tensor)),
          overlap_(options.overlap) {
        std::vector<std::int64_t> counts;
        for (auto const& [name, tensor] : parameters) {
            names_.push_back(name);
            parameters_.push_back(tensor);
            counts.push_back(tensor.numel());
        }
        bucket_of_.resize(parameters_.size());
        for (Bucket& plan : plan_buckets(counts, element_size_bytes(element_), options.bucket_cap_bytes)) {
            for (BucketSlot const& slot : plan.slots) {
                bucket_of_[slot.parameter_index] = buckets_.size();
            }
            at::Tensor const flat =
                at::zeros({plan.count}, parameters_.front().options().requires_grad(false));
            buckets_.push_back({.plan = std::move(plan), .flat = flat});
        }
    }
    Impl(Impl const&) = delete;
    Impl& operator=(Impl const&) = delete;
    ~Impl() {
        for (at::Tensor const& parameter : parameters_) {
            torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
        }
    }

    /// Views into the buckets, set as the parameters' gradients.
    std::vector<at::Tensor> attach() {
        std::vector<at::Tensor> gradients(parameters_.size());
        for (SyncBucket const& bucket : buckets_) {
            for (BucketSlot const& slot : bucket.plan.slots) {
                at::Tensor const& parameter = parameters_[slot.parameter_index];
                gradients[slot.parameter_index] =
                    bucket.flat.narrow(0, slot.offset, slot.count).view(parameter.sizes());
            }
        }
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            parameters_[i].mutable_grad() = gradients[i];
            torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i], std::make_unique<Hook>(*this, i));
        }
        return gradients;
    }

    void zero(std::vector<at::Tensor> const& gradients) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            require(parameters_[i].grad().is_same(gradients[i]), ExitCode::kInternal,
                    "the gradient tensor of {} was replaced, so its gradient would never be averaged",
                    names_[i]);
        }
        for (SyncBucket const& bucket : buckets_) {
            bucket.flat.zero_();
        }
    }

    void start() {
        std::scoped_lock const lock(mutex_);
        require(!is_started_, ExitCode::kInternal, "gradient averaging was started twice");
        is_started_ = true;
        num_sent_ = 0;
        num_early_ = 0;
        num_overlapped_ = 0;
        is_ready_.assign(parameters_.size(), false);
        local_sums_.assign(communicator_.world_size() > 1 ? parameters_.size() : 0, at::Tensor());
        for (SyncBucket& bucket : buckets_) {
            bucket.num_missing = bucket.plan.slots.size();
        }
    }

    void finish() {
        auto const begin = TraceClock::now();
        {
            std::scoped_lock const lock(mutex_);
            require(is_started_, ExitCode::kInternal, "gradient averaging was finished, but not started");
            num_overlapped_ = num_sent_;
            while (num_sent_ < buckets_.size()) {
                send_next();
            }
            is_started_ = false;
        }
        TraceClock::duration under_way{};
        TraceClock::time_point seen_until{};
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            auto const number = static_cast<std::int64_t>(i);
            auto const arrived_at = wait_for(buckets_[i], number);
            add_trace_flight("bucket under way", buckets_[i].sent_at, arrived_at, number);
            under_way += std::max(arrived_at, seen_until) - std::max(buckets_[i].sent_at, seen_until);
            seen_until = std::max(arrived_at, seen_until);
        }
        exposed_s_ = seconds(TraceClock::now() - begin);
        under_way_s_ = seconds(under_way);
    }

    std::vector<at::Tensor> const& local_sums() const noexcept { return local_sums_; }
    double exposed_s() const noexcept { return exposed_s_; }
    std::optional<double> hidden_share() const noexcept {
        bool const is_seen_by_host = communicator_.world_size() > 1 && communicator_.memory() == Memory::kHost;
        return is_seen_by_host && under_way_s_ > 0.0
                   ? std::optional(std::max(0.0, 1.0 - exposed_s_ / under_way_s_))
                   : std::nullopt;
    }
    std::size_t num_early_buckets() const noexcept { return num_early_; }
    std::size_t num_overlapped_buckets() const noexcept { return num_overlapped_; }
    std::size_t num_buckets() const noexcept { return buckets_.size(); }

  private:
    struct SyncBucket {
        Bucket plan;
        at::Tensor flat;
        std::size_t num_missing = 0;
        std::unique_ptr<PendingCollective> pending = nullptr;
        TraceClock::time_point sent_at = {};
    };

    class Hook final : public torch::autograd::PostAccumulateGradHook {
      public:
        Hook(Impl& owner, std::size_t parameter_index) : owner_(owner), parameter_index_(parameter_index) {}
        void operator()(at::Tensor const&) override { owner_.mark_ready(parameter_index_); }

      private:
        Impl& owner_;
        std::size_t parameter_index_;
    };

    /// Returns when its average was there.
    static TraceClock::time_point wait_for(SyncBucket& bucket, std::int64_t number) {
        TraceScope const scope("wait for bucket", number);
        std::unique_ptr<PendingCollective> const pending = std::exchange(bucket.pending, nullptr);
        pending->wait();
        return pending->finished_at().value_or(TraceClock::now());
    }

    static double seconds(TraceClock::duration duration) { return std::chrono::duration<double>(duration).count(); }

    /// Called by autograd, possibly on a thread of its own, once the gradient of this backward is added.
    void mark_ready(std::size_t parameter_index) {
        Pulse::of_process().beat();
        std::scoped_lock const lock(mutex_);
        if (!is_started_) {
            return;
        }
        require(!is_ready_[parameter_index], ExitCode::kInternal,
                "the gradient of {} was added to twice after averaging started (one backward at a time)",
                names_[parameter_index]);
        is_ready_[parameter_index] = true;
        num_early_ = num_sent_;
        if (!local_sums_.empty()) {
            local_sums_[parameter_index] = parameters_[parameter_index].grad().sum();
        }
        buckets_[bucket_of_[parameter_index]].num_missing -= 1;
        // Ranks may complete their buckets in different orders; they must send them in one.
        bool const may_send = overlap_ == SyncOverlap::kWithBackward;
        while (may_send && num_sent_ < buckets_.size() && buckets_[num_sent_].num_missing == 0) {
            send_next();
        }
        communicator_.progress();
    }

    void send_next() {
        SyncBucket& bucket = buckets_[num_sent_];
        TraceScope const scope("send bucket", static_cast<std::int64_t>(num_sent_));
        bucket.sent_at = TraceClock::now();
        bucket.pending = communicator_.all_reduce_async(bucket.flat.data_ptr(),
                                                        static_cast<std::size_t>(bucket.plan.count), element_,
                                                        Reduction::kAverage);
        ++num_sent_;
    }

    Communicator& communicator_;
    Element element_;
    SyncOverlap overlap_;
    std::vector<std::string> names_;
    std::vector<at::Tensor> parameters_;
    std::vector<SyncBucket> buckets_;
    std::vector<std::size_t> bucket_of_;  // by parameter

    std::mutex mutex_;
    bool is_started_ = false;
    std::vector<bool> is_ready_;          // by parameter
    std::vector<at::Tensor> local_sums_;  // by parameter
    std::size_t num_sent_ = 0;
    std::size_t num_early_ = 0;
    std::size_t num_overlapped_ = 0;
    double exposed_s_ = 0.0;
    double under_way_s_ = 0.0;
};

GradientSync::GradientSync(NamedTensors const& parameters, Communicator& communicator,
                           GradientSyncOptions const& options) {
    check(parameters, communicator);
    impl_ = std::make_unique<Impl>(parameters, communicator, options);
    gradients_ = impl_->attach();
}

GradientSync::~GradientSync() = default;

void GradientSync::zero() {
    impl_->zero(gradients_);
}
void GradientSync::start() {
    impl_->start();
}
void GradientSync::finish() {
    impl_->finish();
}
std::vector<at::Tensor> const& GradientSync::local_sums() const noexcept {
    return impl_->local_sums();
}
double GradientSync::exposed_s() const noexcept {
    return impl_->exposed_s();
}
std::optional<double> GradientSync::hidden_share() const noexcept {
    return impl_->hidden_share();
}
std::size_t GradientSync::num_early_buckets() const noexcept {
    return impl_->num_early_buckets();
}
std::size_t GradientSync::num_overlapped_buckets() const noexcept {
    return impl_->num_overlapped_buckets();
}
std::size_t GradientSync::num_buckets() const noexcept {
    return impl_->num_buckets();
}

}  // namespace ctclip
