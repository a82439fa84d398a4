#include "mpi/background_progress.hpp"

#include <algorithm>
#include <chrono>

#include "base/trace.hpp"

namespace ctclip {
namespace {

/// Between two looks. Each moves some hundred kilobytes; a thread that never slept would take a core from the
/// computation.
constexpr std::chrono::microseconds kPollInterval{100};

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
        operations_.push_back(&operation);
    }
    if (!thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
    }
    wakes_.notify_one();
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
        {
            // Whoever waits inside MPI advances everything meanwhile: no need to queue behind.
            std::unique_lock const turn(mpi_turn(), std::try_to_lock);
            if (turn) {
                std::erase_if(operations_, [](Advancing* operation) { return operation->advance(); });
            }
        }
        wakes_.wait_for(lock, kPollInterval);
    }
}

}  // namespace ctclip
