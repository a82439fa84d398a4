// ctclip-train --profile: the trace of a run, read as Perfetto and Chrome do. (Both take a slice that cuts another one
// of its thread for an error, or draw it wrong.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/durable_file.hpp"
#include "base/stop_signal.hpp"
#include "train/run_fixture.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

constexpr double kPrintedUs = 0.002;  // times are printed to a nanosecond

struct Slice {
    std::string name;
    double begin = 0.0;
    double end = 0.0;
    std::vector<std::string> within;  // from the outermost
};

class ProfileTest : public RunFixture {
  protected:
    void train(std::function<bool()> const& stop = never) { trainer().run(stop); }

    std::filesystem::path trace_path() const {
        return options_.run.dir / fmt::format("trace-rank{}.json", ranks_.rank());
    }
    json events() const { return json::parse(read_text_file(trace_path())).at("traceEvents"); }
};

std::map<std::string, std::vector<Slice>> slices_by_thread(json const& events) {
    std::map<std::int64_t, std::string> names;
    std::map<std::int64_t, std::vector<Slice>> slices;
    for (json const& event : events) {
        if (event.at("name") == "thread_name") {
            names[event.at("tid")] = event.at("args").at("name");
        } else if (event.at("ph") == "X") {
            double const begin = event.at("ts");
            slices[event.at("tid")].push_back({event.at("name"), begin, begin + event.at("dur").get<double>(), {}});
        }
    }
    std::map<std::string, std::vector<Slice>> named;
    for (auto& [id, of_thread] : slices) {
        named[names.at(id)] = std::move(of_thread);
    }
    return named;
}

/// Fills `within`, and fails where a slice cuts another.
void nest(std::vector<Slice>& slices) {
    std::ranges::sort(slices, [](Slice const& a, Slice const& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    std::vector<Slice const*> open;
    for (Slice& slice : slices) {
        while (!open.empty() && open.back()->end <= slice.begin + kPrintedUs) {
            open.pop_back();
        }
        if (!open.empty()) {
            EXPECT_LE(slice.end, open.back()->end + kPrintedUs) << slice.name << " cuts " << open.back()->name;
        }
        for (Slice const* const outer : open) {
            slice.within.push_back(outer->name);
        }
        open.push_back(&slice);
    }
}

std::vector<Slice> named(std::vector<Slice> const& slices, std::string const& name) {
    std::vector<Slice> found;
    std::ranges::copy_if(slices, std::back_inserter(found), [&](Slice const& slice) { return slice.name == name; });
    return found;
}

TEST_F(ProfileTest, AStepHoldsItsPartsAndThoseTheirs) {
    options_.profile_steps = 3;
    train();
    auto threads = slices_by_thread(events());
    for (auto& [name, slices] : threads) {
        nest(slices);
    }
    std::vector<Slice> const& training = threads.at("training");
    EXPECT_EQ(named(training, "step").size(), 3U);
    for (char const* part : {"data", "forward", "backward", "sync", "optimizer"}) {
        std::vector<Slice> const parts = named(training, part);
        EXPECT_EQ(parts.size(), 3U) << part;
        for (Slice const& slice : parts) {
            EXPECT_THAT(slice.within, testing::ElementsAre("step")) << part;
        }
    }
    std::map<std::string, std::string> const parents = {
        {"vision", "forward"},  {"text", "forward"},     {"loss", "forward"},         {"spatial", "vision"},
        {"temporal", "vision"}, {"codebook", "vision"},  {"wait for bucket", "sync"}};
    for (auto const& [name, parent] : parents) {
        std::vector<Slice> const slices = named(training, name);
        EXPECT_GE(slices.size(), 3U) << name;
        for (Slice const& slice : slices) {
            EXPECT_EQ(slice.within.back(), parent) << name;
        }
    }
    EXPECT_GE(named(training, "send bucket").size(), 3U);
    for (Slice const& slice : named(training, "send bucket")) {
        EXPECT_THAT(slice.within.back(), testing::AnyOf("backward", "sync"));
    }
}

TEST_F(ProfileTest, PartsFillTheStepAndBucketsAreUnderWayUntilTheyAreWaitedFor) {
    options_.profile_steps = 3;
    train();
    json const all = events();
    auto const& training = slices_by_thread(all).at("training");
    double steps_us = 0.0;
    double parts_us = 0.0;
    for (Slice const& slice : training) {
        static std::set<std::string> const kParts = {"data", "forward",   "backward",
                                                     "sync", "optimizer", "read step before"};
        steps_us += slice.name == "step" ? slice.end - slice.begin : 0.0;
        parts_us += kParts.contains(slice.name) ? slice.end - slice.begin : 0.0;
    }
    EXPECT_LE(parts_us, steps_us + 1.0);
    EXPECT_GE(parts_us, 0.5 * steps_us);
    std::map<std::int64_t, double> begun;
    std::size_t num_ended = 0;
    for (json const& event : all) {
        if (event.at("ph") == "b") {
            begun[event.at("id")] = event.at("ts");
        } else if (event.at("ph") == "e") {
            EXPECT_GE(event.at("ts").get<double>(), begun.at(event.at("id")));
            ++num_ended;
        }
        EXPECT_EQ(event.at("pid"), ranks_.rank());
    }
    EXPECT_EQ(num_ended, begun.size());
    EXPECT_EQ(num_ended, named(training, "wait for bucket").size());
}

TEST_F(ProfileTest, LoadingThreadsShowTheirStages) {
    options_.profile_steps = 5;
    options_.data.prefetch_factor = 1;
    options_.data.num_workers = 2;
    options_.training.max_steps = 6;
    train();
    auto threads = slices_by_thread(events());
    std::vector<Slice> loading;
    for (char const* name : {"loader 0", "loader 1"}) {
        nest(threads[name]);
        std::ranges::copy(threads[name], std::back_inserter(loading));
    }
    std::vector<Slice> const rows = named(loading, "load row");
    EXPECT_GE(rows.size(), 4U / static_cast<std::size_t>(ranks_.world_size()));
    for (char const* stage : {"read", "preprocess", "tokenize"}) {
        EXPECT_GE(named(loading, stage).size(), rows.size()) << stage;
    }
}

TEST_F(ProfileTest, ARunThatStopsEarlyLeavesWhatItHas) {
    options_.profile_steps = 100;
    EXPECT_THROW(train([asked = 0]() mutable { return ++asked == 3; }), Stopped);
    EXPECT_EQ(named(slices_by_thread(events()).at("training"), "step").size(), 2U);  // the first one warms up
}

TEST_F(ProfileTest, WithoutItThereIsNoTrace) {
    train();
    EXPECT_FALSE(std::filesystem::exists(trace_path()));
}

}  // namespace
}  // namespace ctclip
