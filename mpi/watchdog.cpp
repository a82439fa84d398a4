#include "mpi/watchdog.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/gather_bytes.hpp"
#include "mpi/heartbeat_link.hpp"

namespace ctclip {
namespace {

constexpr std::chrono::milliseconds kTick(100);
constexpr int kTicksPerSignal = 5;
constexpr double kLongestLap_s = 0.25;
/// Ranks other than 0 leave the word to the next lower one, and to a launcher that is about to end them.
constexpr double kDeference_s = 2.0;
constexpr int kMostDeferent = 3;

/// Signals are for the main thread.
void block_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::string name_of(LinkHello const& hello) {
    return fmt::format("rank {} ({}, process {})", hello.rank, hello.host.data(), hello.pid);
}

/// A rank as rank 0 sees it.
struct Watched {
    SignalStream stream;
    RankView view;

    void update(double elapsed_s) {
        view.silent_s += elapsed_s;
        if (std::optional<RankSignal> const signal = stream.receive()) {
            view.signal = *signal;
            view.silent_s = 0.0;
        }
        if (view.signal.is_goodbye != 0) {
            view.state = RankState::kFinished;
        } else if (!stream.is_open() && view.state == RankState::kAlive) {
            view.state = RankState::kLost;
            view.silent_s = 0.0;
        }
    }
};

}  // namespace

double RunningClock::lap() {
    auto const now = std::chrono::steady_clock::now();
    std::chrono::duration<double> const elapsed = now - std::exchange(last_, now);
    return std::min(elapsed.count(), kLongestLap_s);
}

RankSignal IdleMeter::measure(double elapsed_s) {
    PulseReading const pulse = Pulse::of_process().read();
    idle_s_ += elapsed_s;
    if (pulse.num_beats != num_beats_) {
        bool const is_computing = pulse.activity == Activity::kStep && !pulse.is_waiting;
        longest_gap_s_ = is_computing ? std::max(longest_gap_s_, idle_s_) : longest_gap_s_;
        num_beats_ = pulse.num_beats;
        idle_s_ = 0.0;
    }
    return {.is_goodbye = 0,
            .activity = pulse.activity,
            .num_waits = pulse.num_waits,
            .is_waiting = pulse.is_waiting ? 1U : 0U,
            .step = pulse.step,
            .idle_s = idle_s_,
            .limit_s = limit_.of(pulse.activity, longest_gap_s_)};
}

Watchdog::Watchdog(Communicator& host, IdleLimit const& limit,
                   std::function<void(std::string const&)> end_job)
    : rank_(host.rank()), world_size_(host.world_size()), limit_(limit), end_job_(std::move(end_job)) {
    if (rank_ == 0) {
        server_ = world_size_ > 1 ? std::make_unique<LinkServer>() : nullptr;
        thread_ = std::jthread([this](std::stop_token const& stop) { watch_all(stop); });
    }
    if (world_size_ == 1) {
        return;
    }
    std::string const address = broadcast_text(rank_ == 0 ? server_->address() : "", 0, host);
    std::optional<SignalStream> stream;
    if (rank_ != 0) {
        stream = connect_to_rank_0(address, rank_);
    }
    std::vector<std::string> const connected = gather_bytes(stream || rank_ == 0 ? "y" : "n", host);
    std::vector<std::size_t> unreachable;
    for (std::size_t rank = 0; rank < connected.size(); ++rank) {
        if (connected[rank] != "y") {
            unreachable.push_back(rank);
        }
    }
    if (!unreachable.empty() && rank_ == 0) {
        log_warning(
            "no TCP connection to rank 0 from ranks {}: should one of them hang, the job waits until its "
            "time "
            "limit. Allow TCP between the hosts.",
            fmt::join(unreachable, ", "));
    }
    if (stream) {
        thread_ = std::jthread([this, link = std::move(*stream)](std::stop_token const& stop) mutable {
            watch_rank_0(stop, std::move(link));
        });
    }
}

Watchdog::~Watchdog() = default;

void Watchdog::end(std::string const& fault) {
    end_job_(fault);
}

void Watchdog::watch_all(std::stop_token const& stop) {
    block_signals();
    std::vector<Watched> others;
    std::vector<RankView> views(1);
    views[0].name = name_of(make_hello({}, 0));
    RunningClock clock;
    IdleMeter meter(limit_);
    WatchLimits const limits{.silent_s = limit_.step_s};
    for (int tick = 0; !stop.stop_requested(); ++tick) {
        double const elapsed_s = clock.lap();
        for (LinkServer::Arrival& arrival : server_ ? server_->accept() : std::vector<LinkServer::Arrival>()) {
            RankView view;
            view.name = name_of(arrival.hello);
            others.push_back({std::move(arrival.stream), view});
        }
        views.resize(1);
        Activity const before = views[0].signal.activity;
        views[0].signal = meter.measure(elapsed_s);
        bool const is_news = views[0].signal.activity != before;
        for (Watched& other : others) {
            other.update(elapsed_s);
            views.push_back(other.view);
            if (is_news || tick % kTicksPerSignal == 0) {
                other.stream.send(views[0].signal);
            }
        }
        if (std::optional<std::string> const fault = find_fault(views, limits)) {
            end(*fault);
            return;
        }
        std::this_thread::sleep_for(kTick);
    }
    RankSignal goodbye = views[0].signal;
    goodbye.is_goodbye = 1;
    for (Watched const& other : others) {
        other.stream.send(goodbye);
    }
}

void Watchdog::watch_rank_0(std::stop_token const& stop, SignalStream stream) {
    block_signals();
    RunningClock clock;
    IdleMeter meter(limit_);
    Watched rank_0{std::move(stream), {}};
    rank_0.view.name = "rank 0";
    double const deference_s = kDeference_s * std::min(rank_, kMostDeferent);
    WatchLimits const limits{.silent_s = limit_.step_s + deference_s, .lost_s = deference_s};
    RankSignal mine;
    bool has_said_goodbye = false;
    auto const say_goodbye = [&] {
        mine.is_goodbye = 1;
        rank_0.stream.send(mine);
        has_said_goodbye = true;
    };
    for (int tick = 0; !stop.stop_requested(); ++tick) {
        double const elapsed_s = clock.lap();
        rank_0.update(elapsed_s);
        is_rank_0_saving_ = rank_0.view.state == RankState::kAlive &&
                            rank_0.view.signal.activity == Activity::kSaving;
        RankView judged = rank_0.view;
        judged.signal.limit_s = 1e300;  // whether it hangs is rank 0's to say
        if (std::optional<std::string> const fault = find_fault({&judged, 1}, limits)) {
            end(*fault);
            return;
        }
        if (!has_said_goodbye) {
            mine = meter.measure(elapsed_s);
            if (has_failed_) {
                say_goodbye();
            } else if (tick % kTicksPerSignal == 0) {
                rank_0.stream.send(mine);
            }
        }
        std::this_thread::sleep_for(kTick);
    }
    if (!has_said_goodbye) {
        say_goodbye();
    }
}

}  // namespace ctclip
