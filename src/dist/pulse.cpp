#include "dist/pulse.hpp"

#include <fmt/format.h>

namespace ctclip {

std::string_view name_of(Activity activity) {
    switch (activity) {
        case Activity::kStarting:
            return "starting";
        case Activity::kConverting:
            return "converting";
        case Activity::kFirstStep:
            return "in its first step";
        case Activity::kStep:
            return "computing";
        case Activity::kData:
            return "waiting for data";
        case Activity::kValidation:
            return "validating";
        case Activity::kSaving:
            return "saving";
    }
    return "at work";
}

std::string find_silence_limit_problem(double limit_s) {
    constexpr double kLeastLimitS = 2.0;
    bool const is_kept = limit_s == 0.0 || limit_s >= kLeastLimitS;
    return is_kept ? ""
                   : fmt::format("must be 0 (no watchdog) or at least {} s: ranks give a sign of life twice a second",
                                 kLeastLimitS);
}

bool may_take_long(Activity activity) {
    return activity != Activity::kStep;
}

Pulse& Pulse::of_process() {
    static Pulse pulse;
    return pulse;
}

void Pulse::set_activity(Activity activity) noexcept {
    activity_.store(activity, std::memory_order_relaxed);
    beat();
}

PulseReading Pulse::read() const noexcept {
    return {.num_beats = num_beats_.load(std::memory_order_relaxed),
            .num_waits = num_waits_.load(std::memory_order_relaxed),
            .is_waiting = is_waiting_.load(std::memory_order_relaxed),
            .activity = activity(),
            .step = step_.load(std::memory_order_relaxed)};
}

WaitScope::WaitScope() noexcept {
    Pulse& pulse = Pulse::of_process();
    pulse.num_waits_.fetch_add(1, std::memory_order_relaxed);
    pulse.is_waiting_.store(true, std::memory_order_relaxed);
    pulse.beat();
}

WaitScope::~WaitScope() {
    Pulse& pulse = Pulse::of_process();
    pulse.is_waiting_.store(false, std::memory_order_relaxed);
    pulse.beat();
}

ActivityScope::ActivityScope(Activity activity) noexcept : before_(Pulse::of_process().activity()) {
    Pulse::of_process().set_activity(activity);
}

ActivityScope::~ActivityScope() {
    Pulse::of_process().set_activity(before_);
}

}  // namespace ctclip
