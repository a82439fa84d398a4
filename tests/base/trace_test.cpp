#include "base/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

namespace ctclip {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<json> events_of(std::string const& trace, std::string const& phase) {
    std::vector<json> events;
    json const parsed = json::parse(trace);
    for (json const& event : parsed.at("traceEvents")) {
        if (event.at("ph") == phase) {
            events.push_back(event);
        }
    }
    return events;
}

std::vector<std::string> names_of(std::vector<json> const& events) {
    std::vector<std::string> names;
    for (json const& event : events) {
        names.push_back(event.at("name"));
    }
    return names;
}

TEST(Trace, KeepsNothingBeforeAndAfter) {
    { TraceScope const before("before"); }
    auto begun_before = std::make_unique<TraceScope>("begun before");
    start_trace();
    begun_before.reset();
    { TraceScope const during("during"); }
    auto ends_after = std::make_unique<TraceScope>("ends after");
    std::string const trace = stop_trace(0, "test");
    ends_after.reset();
    EXPECT_THAT(names_of(events_of(trace, "X")), ElementsAre("during"));
    start_trace();
    EXPECT_THAT(events_of(stop_trace(0, "test"), "X"), IsEmpty());
}

TEST(Trace, ScopesNestAndCarryTheirNumbers) {
    start_trace();
    {
        TraceScope const outer("outer", 7);
        TraceScope const inner("inner");
    }
    auto const slices = events_of(stop_trace(3, "rank 3 on \"here\""), "X");
    ASSERT_THAT(names_of(slices), ElementsAre("inner", "outer"));  // in the order of their ends
    json const& inner = slices[0];
    json const& outer = slices[1];
    EXPECT_EQ(outer.at("args").at("number"), 7);
    EXPECT_FALSE(inner.contains("args"));
    EXPECT_EQ(inner.at("pid"), 3);
    EXPECT_EQ(inner.at("tid"), outer.at("tid"));
    EXPECT_GE(inner.at("ts").get<double>(), outer.at("ts").get<double>());
    EXPECT_LE(inner.at("ts").get<double>() + inner.at("dur").get<double>(),
              outer.at("ts").get<double>() + outer.at("dur").get<double>() + 0.002);  // printed to 1 ns
}

TEST(Trace, EveryThreadHasATrackUnderItsName) {
    start_trace();
    std::latch both_are_there(2);
    auto const work = [&](std::string const& name) {
        name_trace_thread(name);
        both_are_there.arrive_and_wait();
        TraceScope const scope("work");
    };
    {
        std::jthread const first(work, "loader 0");
        std::jthread const second(work, "loader \"1\"\n");
    }
    std::string const trace = stop_trace(0, "test");  // also of threads that are gone
    std::map<std::int64_t, std::string> thread_names;
    for (json const& event : events_of(trace, "M")) {
        if (event.at("name") == "thread_name") {
            thread_names[event.at("tid")] = event.at("args").at("name");
        }
    }
    std::vector<std::string> workers;
    for (json const& slice : events_of(trace, "X")) {
        workers.push_back(thread_names.at(slice.at("tid")));
    }
    EXPECT_THAT(workers, testing::UnorderedElementsAre("loader 0", "loader \"1\"\n"));
}

TEST(Trace, FlightsMayOverlapAndArePairedByTheirId) {
    start_trace();
    auto const now = TraceClock::now();
    using std::chrono::microseconds;
    add_trace_flight("bucket", now, now + microseconds(20), 0);
    add_trace_flight("bucket", now + microseconds(10), now + microseconds(30), 1);
    std::string const trace = stop_trace(0, "test");
    auto const begins = events_of(trace, "b");
    auto const ends = events_of(trace, "e");
    ASSERT_EQ(begins.size(), 2U);
    ASSERT_EQ(ends.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(begins[i].at("id"), ends[i].at("id"));
        EXPECT_EQ(begins[i].at("args").at("number"), i);
        EXPECT_NEAR(ends[i].at("ts").get<double>() - begins[i].at("ts").get<double>(), 20.0, 0.002);
    }
    EXPECT_NE(begins[0].at("id"), begins[1].at("id"));
}

}  // namespace
}  // namespace ctclip
