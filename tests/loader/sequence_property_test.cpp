// The sequence of samples for random datasets, worlds, threads and interruptions, against a second
// implementation that is written from the documentation and shares no code with src/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>

#include "loader/batch_loader.hpp"
#include "loader/memory_source.hpp"

namespace ctclip {
namespace {

using Indices = std::vector<std::int64_t>;

/// As the headers of src/loader describe it, whole epochs at a time.
namespace documented {

std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t const state = seed + 0x9E3779B97F4A7C15U * index + 0x9E3779B97F4A7C15U;
    std::uint64_t z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

std::uint64_t seed_for(std::uint64_t seed, std::string const& purpose) {
    std::uint64_t hash = 14695981039346656037U;
    for (char const c : purpose) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1099511628211U;
    }
    return splitmix64(seed ^ hash, 0);
}

std::int64_t pivot_of(std::uint64_t round_key, std::int64_t size) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::int64_t>(static_cast<Wide>(round_key) * static_cast<Wide>(size) /
                                     (Wide{1} << 64));
}

/// Does the pair change places whose larger member this is?
bool is_swapped(std::uint64_t round_key, std::int64_t larger) {
    return splitmix64(round_key, static_cast<std::uint64_t>(larger)) >= std::uint64_t{1} << 63;
}

/// A deck of cards, shuffled as a whole: the rounds from the last to the first change places in it.
Indices swap_or_not(std::int64_t size, std::uint64_t key) {
    Indices deck(static_cast<std::size_t>(size));
    std::iota(deck.begin(), deck.end(), std::int64_t{0});
    for (std::uint64_t round = 90; round-- > 0;) {
        std::uint64_t const round_key = splitmix64(key, round);
        std::int64_t const pivot = pivot_of(round_key, size);
        for (std::int64_t larger = 0; larger < size; ++larger) {
            std::int64_t const smaller = ((pivot - larger) % size + size) % size;
            if (smaller < larger && is_swapped(round_key, larger)) {
                std::swap(deck[static_cast<std::size_t>(smaller)], deck[static_cast<std::size_t>(larger)]);
            }
        }
    }
    return deck;
}

Indices windowed(std::vector<SampleGroup> const& groups, std::uint64_t window_bytes, std::uint64_t key) {
    Indices order;
    Indices window;
    std::uint64_t bytes_in_window = 0;
    std::uint64_t num_windows = 0;
    auto const close_window = [&] {
        std::uint64_t const window_key = splitmix64(seed_for(key, "windows"), num_windows++);
        for (std::int64_t const place : swap_or_not(std::ssize(window), window_key)) {
            order.push_back(window[static_cast<std::size_t>(place)]);
        }
        window.clear();
        bytes_in_window = 0;
    };
    bool is_first = true;
    for (std::int64_t const group : swap_or_not(std::ssize(groups), seed_for(key, "groups"))) {
        auto const& [num_samples, size_bytes] = groups[static_cast<std::size_t>(group)];
        if (!is_first && bytes_in_window + size_bytes > window_bytes) {
            close_window();
        }
        is_first = false;
        std::int64_t index = 0;
        for (std::int64_t before = 0; before < group; ++before) {
            index += groups[static_cast<std::size_t>(before)].num_samples;
        }
        for (std::int64_t sample = 0; sample < num_samples; ++sample) {
            window.push_back(index + sample);
        }
        bytes_in_window += size_bytes;
    }
    close_window();
    return order;
}

/// The global batches that are left of an epoch, of which `num_used` positions are used up. -1: padding.
std::vector<Indices> batches_left(Indices const& epoch, std::int64_t num_used, std::int64_t batch_size,
                                  Remainder remainder) {
    std::vector<Indices> batches;
    for (auto next = static_cast<std::size_t>(num_used); next < epoch.size();) {
        Indices batch;
        while (std::ssize(batch) < batch_size && next < epoch.size()) {
            batch.push_back(epoch[next++]);
        }
        if (std::ssize(batch) < batch_size && remainder == Remainder::kDrop) {
            break;
        }
        for (std::size_t again = 0; std::ssize(batch) < batch_size; ++again) {
            batch.push_back(remainder == Remainder::kPad ? -1 : epoch[again % epoch.size()]);
        }
        batches.push_back(std::move(batch));
    }
    return batches;
}

}  // namespace documented

/// Random numbers of one case.
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : generator_(seed) {}

    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(generator_() % static_cast<std::uint64_t>(high - low + 1));
    }
    template <class T>
    T one_of(std::vector<T> const& values) {
        return values[static_cast<std::size_t>(between(0, std::ssize(values) - 1))];
    }

  private:
    std::mt19937_64 generator_;
};

/// What a run keeps from start to end.
struct Case {
    std::shared_ptr<MemorySource const> source;
    std::uint64_t seed = 0;
    Remainder remainder = Remainder::kDrop;
    bool shuffle = true;
    std::int64_t shuffle_window_mb = 0;
};

Case draw_case(Draw& draw) {
    std::vector<SampleGroup> groups;
    for (std::int64_t group = draw.between(1, 12); group > 0; --group) {
        std::int64_t const num_samples = draw.between(1, 12);
        groups.push_back({num_samples, static_cast<std::uint64_t>(draw.between(1, 40)) << 20});
    }
    Case drawn;
    drawn.source = std::make_shared<MemorySource const>(groups, std::to_string(draw.between(0, 1 << 30)));
    drawn.seed = static_cast<std::uint64_t>(draw.between(0, INT64_MAX - 1));
    drawn.remainder = draw.one_of<Remainder>({Remainder::kDrop, Remainder::kPad, Remainder::kWrap});
    drawn.shuffle = draw.between(0, 9) > 0;
    drawn.shuffle_window_mb = draw.between(0, 1) * draw.between(1, 200);
    return drawn;
}

Indices documented_epoch(Case const& run, std::int64_t epoch) {
    std::uint64_t const key =
        documented::splitmix64(documented::seed_for(run.seed, "sample order " + run.source->digest()),
                               static_cast<std::uint64_t>(epoch));
    if (!run.shuffle) {
        Indices in_order(static_cast<std::size_t>(run.source->size()));
        std::iota(in_order.begin(), in_order.end(), std::int64_t{0});
        return in_order;
    }
    if (run.shuffle_window_mb > 0) {
        return documented::windowed(run.source->groups(),
                                    static_cast<std::uint64_t>(run.shuffle_window_mb) << 20, key);
    }
    return documented::swap_or_not(run.source->size(), key);
}

/// What may be another one after each interruption.
LoaderOptions draw_world(Draw& draw, Case const& run) {
    LoaderOptions options;
    options.remainder = run.remainder;
    options.data.shuffle = run.shuffle;
    options.data.shuffle_window_mb = run.shuffle_window_mb;
    options.data.target_shape = {1, 1, 1};
    options.data.num_workers = draw.one_of<std::int64_t>({0, 0, 1, 3});
    options.data.prefetch_factor = draw.between(1, 3);
    options.world_size = static_cast<int>(draw.between(1, 5));
    options.data.batch_size = draw.between(1, 4);
    if (run.remainder == Remainder::kDrop &&
        options.world_size * options.data.batch_size > run.source->size()) {
        options.world_size = 1;
        options.data.batch_size = 1;
    }
    return options;
}

std::vector<std::unique_ptr<BatchLoader>> open_ranks(Case const& run, LoaderOptions options,
                                                     SamplerState const& state) {
    std::vector<std::unique_ptr<BatchLoader>> ranks;
    for (options.rank = 0; options.rank < options.world_size; ++options.rank) {
        ranks.push_back(std::make_unique<BatchLoader>(run.source, options, nullptr, state));
    }
    return ranks;
}

/// The next batch of every rank, rank after rank; the ranks agree on the state that it leaves.
Indices next_global_batch(std::vector<std::unique_ptr<BatchLoader>>& ranks, SamplerState& state) {
    Indices indices;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        BatchLease const batch = ranks[rank]->next();
        for (std::size_t row = 0; row < batch->rows.size(); ++row) {
            std::int64_t const index = batch->rows[row].index;
            indices.push_back(index);
            EXPECT_EQ(batch->keys[row], index == kPaddingRow ? "" : std::to_string(index));
        }
        EXPECT_TRUE(rank == 0 || state == batch->state_after) << "rank " << rank << " stands elsewhere";
        state = batch->state_after;
    }
    return indices;
}

/// Where the second implementation stands.
struct DocumentedRun {
    Case const& run;
    std::int64_t epoch = 0;
    Indices order = documented_epoch(run, 0);
    std::int64_t num_used = 0;
    std::vector<int> times_used = std::vector<int>(order.size());

    /// What is left of the epoch, or the whole next one if nothing is.
    std::vector<Indices> batches(std::int64_t batch_size) {
        std::vector<Indices> left = documented::batches_left(order, num_used, batch_size, run.remainder);
        if (!left.empty()) {
            return left;
        }
        EXPECT_THAT(times_used, testing::Each(testing::Le(1)));
        EXPECT_EQ(std::accumulate(times_used.begin(), times_used.end(), std::int64_t{0}), num_used);
        EXPECT_TRUE(run.remainder == Remainder::kDrop || num_used == run.source->size());
        order = documented_epoch(run, ++epoch);
        num_used = 0;
        std::ranges::fill(times_used, 0);
        return documented::batches_left(order, 0, batch_size, run.remainder);
    }

    void use(Indices const& batch) {
        std::int64_t const num_new = std::min(std::ssize(batch), run.source->size() - num_used);
        for (std::int64_t row = 0; row < num_new; ++row) {
            ++times_used[static_cast<std::size_t>(batch[static_cast<std::size_t>(row)])];
        }
        num_used += num_new;
    }
};

/// One run of two epochs, interrupted now and then and resumed in another world.
void expect_documented_sequence(std::uint64_t case_seed) {
    Draw draw(case_seed);
    Case const run = draw_case(draw);
    DocumentedRun documented_run{run};
    SamplerState state{.seed = run.seed};
    while (documented_run.epoch < 2) {
        LoaderOptions const world = draw_world(draw, run);
        std::vector<Indices> const expected =
            documented_run.batches(world.world_size * world.data.batch_size);
        auto ranks = open_ranks(run, world, state);
        std::int64_t const until_stop = draw.between(1, std::ssize(expected));
        for (std::int64_t batch = 0; batch < until_stop; ++batch) {
            Indices const used = next_global_batch(ranks, state);
            ASSERT_EQ(used, expected[static_cast<std::size_t>(batch)]);
            documented_run.use(used);
            ASSERT_EQ(state.epoch, documented_run.epoch);
            ASSERT_EQ(state.position, documented_run.num_used);
        }
    }
}

TEST(SampleSequence, IsTheDocumentedOneThroughEveryInterruptionAndChangeOfWorld) {
    for (std::uint64_t case_seed = 0; case_seed < 150; ++case_seed) {
        expect_documented_sequence(case_seed);
        ASSERT_FALSE(testing::Test::HasFailure()) << "case " << case_seed;
    }
}

/// The other direction: where a sample of a large dataset comes, by undoing the rounds one by one.
std::int64_t documented_position(std::int64_t index, std::int64_t size, std::uint64_t key) {
    for (std::uint64_t round = 90; round-- > 0;) {
        std::uint64_t const round_key = documented::splitmix64(key, round);
        std::int64_t const partner = (documented::pivot_of(round_key, size) + size - index) % size;
        index = documented::is_swapped(round_key, std::max(index, partner)) ? partner : index;
    }
    return index;
}

TEST(SampleSequence, EverySampleOfALargeDatasetHasAPlaceOfItsOwn) {
    for (std::int64_t const size :
         {std::int64_t{10'000'000}, std::int64_t{1'000'000'007}, (std::int64_t{1} << 40) + 1}) {
        SampleOrder const order({.num_samples = size}, 3, "digest", 5);
        std::uint64_t const key = documented::splitmix64(documented::seed_for(3, "sample order digest"), 5);
        std::mt19937_64 generator(7);
        for (int draw = 0; draw < 3000; ++draw) {
            auto const position = static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(size));
            std::int64_t const index = order.at(position);
            ASSERT_GE(index, 0);
            ASSERT_LT(index, size);
            ASSERT_EQ(documented_position(index, size, key), position) << size;
        }
    }
}

LoaderOptions resuming_options(std::int64_t num_workers, std::int64_t shuffle_window_mb) {
    LoaderOptions options;
    options.data.target_shape = {1, 1, 1};
    options.data.batch_size = 4;
    options.data.num_workers = num_workers;
    options.data.prefetch_factor = 2;
    options.data.shuffle_window_mb = shuffle_window_mb;
    options.world_size = 3;
    options.rank = 1;
    return options;
}

/// Ten billion samples: whatever went through an epoch's beginning, or held it, would not end within the
/// second.
TEST(SampleSequence, ResumesAtOnceAndReadsNothingBeforeItsPosition) {
    std::vector<SampleGroup> const groups(1000, {10'000'000, std::uint64_t{1} << 30});
    for (std::int64_t const num_workers : {0, 2}) {
        for (std::int64_t const shuffle_window_mb : {0, 5 << 10}) {
            auto const source = std::make_shared<MemorySource const>(groups, "digest");
            LoaderOptions const options = resuming_options(num_workers, shuffle_window_mb);
            SamplerState const state{
                .seed = 2, .epoch = 9, .position = 7'000'000'020, .dataset_digest = "digest"};
            auto const start = std::chrono::steady_clock::now();
            BatchLoader loader(source, options, nullptr, state);
            BatchLease const batch = loader.next();
            EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));

            SampleOrder const order(options.data.order_options(*source), state.seed, state.dataset_digest,
                                    state.epoch);
            Indices expected;  // at most prefetch_factor + 1 batches are begun
            for (std::int64_t ahead = 0; ahead < 3; ++ahead) {
                for (std::int64_t row = 0; row < 4; ++row) {
                    expected.push_back(order.at(state.position + 12 * ahead + 4 * options.rank + row));
                }
            }
            EXPECT_EQ(batch->rows.front().position, state.position + 4);
            EXPECT_EQ(batch->rows.front().index, expected.front());
            Indices const read = source->indices_read();
            EXPECT_GE(read.size(), 4U);
            for (std::int64_t const index : read) {
                EXPECT_THAT(expected, testing::Contains(index));
            }
        }
    }
}

}  // namespace
}  // namespace ctclip
