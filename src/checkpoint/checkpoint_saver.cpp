#include "checkpoint/checkpoint_saver.hpp"

#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/pulse.hpp"

namespace ctclip {
namespace {

constexpr int kMostFailures = 3;

}  // namespace

CheckpointSaver::~CheckpointSaver() {
    if (pending_.valid()) {
        ActivityScope const activity(Activity::kSaving);
        pending_.wait();
    }
}

void CheckpointSaver::submit(TrainState state) {
    submit([snapshot = std::make_shared<TrainState>(std::move(state))] { return std::move(*snapshot); });
}

void CheckpointSaver::submit(std::function<TrainState()> make_state) {
    if (pending_.valid()) {
        try {
            collect();
        } catch (Error const& error) {
            if (num_failures_ >= kMostFailures) {
                throw Error(error.code(),
                            fmt::format("{} checkpoints in a row could not be saved, the last one: {}",
                                        num_failures_, error.what()));
            }
            log_error("saving a checkpoint failed: {}. Training goes on; the next save is tried as planned",
                      error.what());
        }
    }
    pending_ = std::async(std::launch::async,
                          [this, make = std::move(make_state)] { return store_.save(make()); });
}

std::optional<std::filesystem::path> CheckpointSaver::wait() {
    if (pending_.valid()) {
        collect();
    }
    return newest_;
}

void CheckpointSaver::collect() {
    try {
        newest_ = pending_.get();
        num_failures_ = 0;
    } catch (Error const&) {
        ++num_failures_;
        throw;
    } catch (std::bad_alloc const&) {
        ++num_failures_;
        fail(ExitCode::kTryAgain, "not enough memory to write a checkpoint beside the training state");
    }
}

}  // namespace ctclip
