#include "train/last_save.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/pulse.hpp"

namespace ctclip {

std::optional<std::filesystem::path> LastSave::wait() const {
    ActivityScope const activity(Activity::kSaving);
    std::optional<std::filesystem::path> const newest = saver_ != nullptr ? saver_->wait() : std::nullopt;
    host_.barrier();
    return newest;
}

void LastSave::outlast(std::function<void()> const& check) const {
    try {
        check();
    } catch (Error const&) {
        try {
            wait();
        } catch (Error const& unsaved) {
            log_error("the last checkpoint could not be saved: {}", unsaved.what());
        }
        throw;
    }
}

}  // namespace ctclip
