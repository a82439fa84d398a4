#include "base/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/build_info.hpp"

namespace ctclip {
namespace trace_internal {
std::atomic<bool> is_on = false;
}
namespace {

/// Of a thread. More than a profile of some steps ever has: a trace that nobody ends must not fill the memory.
constexpr std::size_t kMaxSlices = 1'000'000;

enum class SliceKind : std::uint8_t { kWork, kFlight };

struct Slice {
    char const* name;
    TraceClock::time_point begin;
    TraceClock::time_point end;
    TraceNumber number;
    SliceKind kind;
};

struct ThreadTrack {
    std::mutex mutex;
    std::int64_t id = 0;
    std::string name;
    std::vector<Slice> slices;
    std::int64_t num_dropped = 0;
};

/// The tracks of all threads that were ever heard of and may still matter.
class TrackList {
  public:
    static TrackList& of_process() {
        static TrackList list;
        return list;
    }

    std::shared_ptr<ThreadTrack> add() {
        std::scoped_lock const lock(mutex_);
        // Threads come and go (every validation has loading threads of its own): drop what ended with nothing to show.
        std::erase_if(tracks_, [](auto const& track) {
            std::scoped_lock const track_lock(track->mutex);
            return track.use_count() == 1 && track->slices.empty();
        });
        auto track = std::make_shared<ThreadTrack>();
        track->id = next_id_++;
        track->name = fmt::format("thread {}", track->id);
        tracks_.push_back(track);
        return track;
    }

    void start() {
        for (auto const& track : all()) {
            std::scoped_lock const lock(track->mutex);
            track->slices.clear();
            track->num_dropped = 0;
        }
        start_ = TraceClock::now();
        trace_internal::is_on = true;
    }

    std::vector<std::shared_ptr<ThreadTrack>> all() {
        std::scoped_lock const lock(mutex_);
        return tracks_;
    }

    TraceClock::time_point start_time() const { return start_; }

  private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<ThreadTrack>> tracks_;
    std::int64_t next_id_ = 1;
    TraceClock::time_point start_;
};

ThreadTrack& own_track() {
    thread_local std::shared_ptr<ThreadTrack> const track = TrackList::of_process().add();
    return *track;
}

void add(Slice const& slice) {
    ThreadTrack& track = own_track();
    std::scoped_lock const lock(track.mutex);
    if (!trace_is_on()) {
        return;
    }
    if (track.slices.size() == kMaxSlices) {
        ++track.num_dropped;
        return;
    }
    track.slices.push_back(slice);
}

/// Writes the events of one process, one a line.
class EventWriter {
  public:
    EventWriter(int process_id, TraceClock::time_point start) : process_id_(process_id), start_(start) {}

    void name(char const* what, std::int64_t thread_id, std::string const& name) {
        line(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}}}})", what, process_id_, thread_id,
             nlohmann::json(name).dump());
    }

    void slice(Slice const& slice, std::int64_t thread_id) {
        std::string const args = slice.number ? fmt::format(R"(,"args":{{"number":{}}})", *slice.number) : "";
        double const begin = microseconds(slice.begin - start_);
        if (slice.kind == SliceKind::kWork) {
            line(R"({{"ph":"X","name":"{}","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f}{}}})", slice.name, process_id_,
                 thread_id, begin, microseconds(slice.end - slice.begin), args);
            return;
        }
        std::int64_t const id = next_flight_++;
        line(R"({{"ph":"b","cat":"flight","id":{},"name":"{}","pid":{},"tid":{},"ts":{:.3f}{}}})", id, slice.name,
             process_id_, thread_id, begin, args);
        line(R"({{"ph":"e","cat":"flight","id":{},"name":"{}","pid":{},"tid":{},"ts":{:.3f}}})", id, slice.name,
             process_id_, thread_id, microseconds(slice.end - start_));
    }

    std::string const& text() const { return text_; }

  private:
    template <class... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        text_ += text_.empty() ? "\n" : ",\n";
        fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    }

    static double microseconds(TraceClock::duration duration) {
        return std::chrono::duration<double, std::micro>(duration).count();
    }

    int process_id_;
    TraceClock::time_point start_;
    std::int64_t next_flight_ = 1;
    std::string text_;
};

}  // namespace

void name_trace_thread(std::string name) {
    ThreadTrack& track = own_track();
    std::scoped_lock const lock(track.mutex);
    track.name = std::move(name);
}

void start_trace() {
    TrackList::of_process().start();
}

std::string stop_trace(int process_id, std::string const& process_name) {
    trace_internal::is_on = false;
    TrackList& list = TrackList::of_process();
    EventWriter events(process_id, list.start_time());
    events.name("process_name", 0, process_name);
    std::int64_t num_dropped = 0;
    for (auto const& track : list.all()) {
        std::scoped_lock const lock(track->mutex);
        if (track->slices.empty()) {
            continue;
        }
        events.name("thread_name", track->id, track->name);
        for (Slice const& slice : track->slices) {
            events.slice(slice, track->id);
        }
        num_dropped += track->num_dropped;
        track->slices = {};
    }
    nlohmann::ordered_json const about = {{"software", software_name()}, {"dropped_slices", num_dropped}};
    return fmt::format("{{\"displayTimeUnit\":\"ms\",\"otherData\":{},\"traceEvents\":[{}\n]}}\n", about.dump(),
                       events.text());
}

void add_trace_slice(char const* name, TraceClock::time_point begin, TraceClock::time_point end,
                     TraceNumber number) {
    if (trace_is_on()) {
        add({name, begin, end, number, SliceKind::kWork});
    }
}

void add_trace_flight(char const* name, TraceClock::time_point begin, TraceClock::time_point end,
                      TraceNumber number) {
    if (trace_is_on()) {
        add({name, begin, end, number, SliceKind::kFlight});
    }
}

}  // namespace ctclip
