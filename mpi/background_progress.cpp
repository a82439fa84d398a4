#include "mpi/background_progress.hpp"

#include <chrono>
#include <utility>

#include "base/trace.hpp"

namespace ctclip {
namespace {

/// Between two looks of the thread. Each moves some hundred kilobytes; a thread that never slept would take a core from
/// the computation.
constexpr std::chrono::microseconds kPollInterval{100};
/// Where the computation itself looks at least so often, the thread leaves it at that: on cores that are all busy every
/// look of another thread interrupts one.
constexpr std::chrono::milliseconds kPatience{5};

}  // namespace

std::recursive_mutex& mpi_turn() {
    static std::recursive_mutex mutex;
    return mutex;
}

BackgroundProgress::~BackgroundProgress() {
    {
        std::scoped_lock const lock(mutex_);
        is_ending_ = true;
    }
    wakes_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void BackgroundProgress::watch(Advancing& operation) {
    {
        std::scoped_lock const lock(mutex_);
        is_attended_ = true;
        operations_.push_back(&operation);
        if (operations_.size() > 1) {
            return;
        }
    }
    if (!thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
    }
    wakes_.notify_one();
}

void BackgroundProgress::advance() {
    std::scoped_lock const turn(mpi_turn());  // before the list, as for whoever starts an operation
    std::scoped_lock const lock(mutex_);
    is_attended_ = true;
    advance_oldest();
}

/// A look at one operation moves all of them, and they end in the order in which they began.
void BackgroundProgress::advance_oldest() noexcept {
    while (!operations_.empty() && operations_.front()->advance()) {
        operations_.pop_front();
    }
}

void BackgroundProgress::forget(Advancing& operation) {
    std::scoped_lock const lock(mutex_);
    std::erase(operations_, &operation);
}

void BackgroundProgress::run() {
    name_trace_thread("messages");
    std::unique_lock lock(mutex_);
    while (!is_ending_) {
        if (operations_.empty()) {
            wakes_.wait(lock);
            continue;
        }
        if (std::exchange(is_attended_, false)) {
            wakes_.wait_for(lock, kPatience);
            continue;
        }
        // Whoever waits inside MPI advances everything meanwhile: no need to queue behind.
        if (std::unique_lock const turn(mpi_turn(), std::try_to_lock); turn) {
            advance_oldest();
        }
        wakes_.wait_for(lock, kPollInterval);
    }
}

}  // namespace ctclip
