#include "npz/half_ledger.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/file_descriptor.hpp"
#include "base/half.hpp"
#include "base/splitmix64.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "npz/plain_statistics.hpp"
#include "support/instruction_sets.hpp"

namespace ctclip {

namespace {

constexpr std::size_t kNumRandom = std::size_t{1} << 20;

template <class T>
std::string digest_of(std::vector<T> const& values) {
    return sha256_hex(std::as_bytes(std::span(values)));
}

nlohmann::json golden_sets() {
    return nlohmann::json::parse(read_text_file(std::string(CTCLIP_TEST_DATA) + "/float16/sets.json"));
}

// The inputs to the results in tests/data/float16.

// numpy keeps a signalling NaN as it is, so NaN is put together from its bits.
double widened_nan(std::uint16_t half, double) {
    std::uint64_t const sign = static_cast<std::uint64_t>(half & kHalfSign) << 48;
    return std::bit_cast<double>(sign | 0x7FF0'0000'0000'0000U | std::uint64_t{half & 0x3FFU} << 42);
}
float widened_nan(std::uint16_t half, float) {
    std::uint32_t const sign = static_cast<std::uint32_t>(half & kHalfSign) << 16;
    return std::bit_cast<float>(sign | 0x7F80'0000U | std::uint32_t{half & 0x3FFU} << 13);
}

template <class T>
std::vector<T> all_halves_widened() {
    std::vector<T> values;
    for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
        auto const half = static_cast<std::uint16_t>(i);
        float const value = half_to_float(half);
        values.push_back(std::isnan(value) ? widened_nan(half, T{}) : static_cast<T>(value));
    }
    return values;
}

template <class T>
std::vector<T> midpoints() {
    std::vector<T> values;
    for (std::uint16_t b = 0; b < kHalfInfinity; ++b) {
        auto const next = static_cast<std::uint16_t>(b + 1);
        double const above = next == kHalfInfinity ? 65536.0 : half_to_float(next);
        values.push_back(static_cast<T>((half_to_float(b) + above) / 2));
    }
    std::size_t const count = values.size();
    for (std::size_t i = 0; i < count; ++i) {
        values.push_back(-values[i]);
    }
    return values;
}

template <class T>
std::vector<T> subnormal_quarter_steps() {
    std::vector<T> values;
    for (int k = -8192; k <= 8192; ++k) {
        values.push_back(static_cast<T>(k * 0x1p-26));
    }
    return values;
}

template <class T>
std::vector<T> stepped(std::vector<T> values, T direction) {
    for (T& value : values) {
        value = std::nextafter(value, direction);
    }
    return values;
}

template <class T>
std::vector<T> integers(std::int64_t first, std::int64_t last) {
    std::vector<T> values;
    for (std::int64_t i = first; i <= last; ++i) {
        values.push_back(static_cast<T>(i));
    }
    return values;
}

template <class T>
std::vector<T> random(std::uint64_t seed, std::function<T(std::uint64_t)> const& formula) {
    std::vector<T> values(kNumRandom);
    for (std::size_t i = 0; i < kNumRandom; ++i) {
        values[i] = formula(splitmix64(seed, i));
    }
    return values;
}

double in_range_f64(std::uint64_t h) {
    std::uint64_t const sign = (h >> 52 & 1) << 63;
    return std::bit_cast<double>(sign | ((h >> 53) % 44 + 996) << 52 | (h & 0xF'FFFF'FFFF'FFFFU));
}

float in_range_f32(std::uint64_t h) {
    std::uint64_t const sign = (h >> 52 & 1) << 31;
    return std::bit_cast<float>(
        static_cast<std::uint32_t>(sign | ((h >> 53) % 44 + 100) << 23 | (h & 0x7F'FFFFU)));
}

double near_tie_f64(std::uint64_t h) {
    std::uint64_t fraction = ((h >> 42 & 1023) << 42) + (std::uint64_t{1} << 41);
    std::uint64_t const distance = (h >> 8) % 53;
    if (distance <= 40) {
        std::uint64_t const step = std::uint64_t{1} << distance;
        fraction = (h & 2) != 0 ? fraction + step : fraction - step;
    }
    return std::bit_cast<double>((h & 1) << 63 | ((h >> 53) % 44 + 996) << 52 | fraction);
}

template <class T>
std::vector<T> stored(std::string const& name) {
    NamedArrays const arrays =
        read_safetensors(std::string(CTCLIP_TEST_DATA) + "/float16/" + name + ".safetensors");
    auto const values = arrays.at("input").as<T>();
    return {values.begin(), values.end()};
}

/// Calls `visit` with the typed inputs of the set.
template <class Visitor>
void visit_inputs(std::string const& name, std::uint64_t seed, Visitor visit) {
    double const infinity = std::numeric_limits<double>::infinity();
    float const infinity_f32 = std::numeric_limits<float>::infinity();
    std::map<std::string, std::function<void()>> const visits{
        {"all_fp16_f64", [&] { visit(all_halves_widened<double>()); }},
        {"all_fp16_f32", [&] { visit(all_halves_widened<float>()); }},
        {"midpoints_f64", [&] { visit(midpoints<double>()); }},
        {"midpoints_f32", [&] { visit(midpoints<float>()); }},
        {"midpoints_up1ulp_f64", [&] { visit(stepped(midpoints<double>(), infinity)); }},
        {"midpoints_down1ulp_f64", [&] { visit(stepped(midpoints<double>(), -infinity)); }},
        {"midpoints_up1ulp_f32", [&] { visit(stepped(midpoints<float>(), infinity_f32)); }},
        {"midpoints_down1ulp_f32", [&] { visit(stepped(midpoints<float>(), -infinity_f32)); }},
        {"subnormal_quarter_steps_f64", [&] { visit(subnormal_quarter_steps<double>()); }},
        {"subnormal_quarter_steps_f32", [&] { visit(subnormal_quarter_steps<float>()); }},
        {"subnormal_quarter_steps_up1ulp_f64",
         [&] { visit(stepped(subnormal_quarter_steps<double>(), infinity)); }},
        {"subnormal_quarter_steps_down1ulp_f64",
         [&] { visit(stepped(subnormal_quarter_steps<double>(), -infinity)); }},
        {"subnormal_quarter_steps_up1ulp_f32",
         [&] { visit(stepped(subnormal_quarter_steps<float>(), infinity_f32)); }},
        {"subnormal_quarter_steps_down1ulp_f32",
         [&] { visit(stepped(subnormal_quarter_steps<float>(), -infinity_f32)); }},
        {"int16_all", [&] { visit(integers<std::int16_t>(-32768, 32767)); }},
        {"uint16_all", [&] { visit(integers<std::uint16_t>(0, 65535)); }},
        {"int8_all", [&] { visit(integers<std::int8_t>(-128, 127)); }},
        {"uint8_all", [&] { visit(integers<std::uint8_t>(0, 255)); }},
        {"int32_range", [&] { visit(integers<std::int32_t>(-70000, 70000)); }},
        {"hu_uniform_f64",
         [&] {
             visit(random<double>(seed, [](std::uint64_t h) {
                 return static_cast<double>(h & 0xF'FFFF'FFFF'FFFFU) * 0x1p-40 - 1024.0;
             }));
         }},
        {"random_bits_f64",
         [&] { visit(random<double>(seed, [](std::uint64_t h) { return std::bit_cast<double>(h); })); }},
        {"random_bits_f32",
         [&] {
             visit(random<float>(seed, [](std::uint64_t h) {
                 return std::bit_cast<float>(static_cast<std::uint32_t>(h >> 32));
             }));
         }},
        {"random_bits_int32",
         [&] {
             visit(random<std::int32_t>(seed,
                                        [](std::uint64_t h) { return static_cast<std::int32_t>(h >> 32); }));
         }},
        {"random_in_range_f64", [&] { visit(random<double>(seed, in_range_f64)); }},
        {"random_in_range_f32", [&] { visit(random<float>(seed, in_range_f32)); }},
        {"random_near_ties_f64", [&] { visit(random<double>(seed, near_tie_f64)); }},
        {"double_rounding_f64", [&] { visit(stored<double>("double_rounding_f64")); }},
        {"edges_f64", [&] { visit(stored<double>("edges_f64")); }},
        {"edges_f32", [&] { visit(stored<float>("edges_f32")); }},
        {"int32_edges", [&] { visit(stored<std::int32_t>("int32_edges")); }}};
    visits.at(name)();
}

/// A thousand at a time, as volumes are: a block with a NaN must not hide the sums of the others.
template <class T>
HalfStatistics convert_in_blocks(std::span<T const> values, std::span<std::uint16_t> out) {
    constexpr std::size_t kBlock = 1000;
    HalfLedger ledger;
    for (std::size_t done = 0; done < values.size(); done += kBlock) {
        std::size_t const count = std::min(kBlock, values.size() - done);
        ledger.convert(values.subspan(done, count), out.subspan(done, count));
    }
    return ledger.statistics();
}

TEST(HalfLedger, EqualsNumpyAndTheReferenceOnEveryGoldenSetAndInstructionSet) {
    nlohmann::json const golden = golden_sets();
    for (nlohmann::json const& set : golden.at("sets")) {
        std::string const name = set.at("name");
        SCOPED_TRACE(name);
        visit_inputs(name, set.value("seed", 0), [&]<class T>(std::vector<T> const& inputs) {
            ASSERT_EQ(inputs.size(), set.at("count"));
            ASSERT_EQ(digest_of(inputs), set.at("sha256_input")) << "the generator is wrong";
            std::vector<std::uint16_t> one_by_one(inputs.size());
            std::transform(inputs.begin(), inputs.end(), one_by_one.begin(),
                           [](T value) { return half_from(value); });
            EXPECT_EQ(digest_of(one_by_one), set.at("sha256_output"));
            HalfStatistics const statistics = plain_statistics(inputs);

            for_each_instruction_set([&] {
                std::vector<std::uint16_t> fast(inputs.size());
                expect_equal(convert_in_blocks(std::span<T const>(inputs), std::span(fast)), statistics);
                EXPECT_TRUE(fast == one_by_one);
            });
        });
    }
    fmt::print("fp16 on this machine: {}\n", half_instruction_set());
}

TEST(HalfLedger, HandlesEveryLengthAndAlignment) {
    std::vector<double> const values = random<double>(5, near_tie_f64);
    for (std::size_t begin = 0; begin < 9; ++begin) {
        for (std::size_t count = 0; count < 70; ++count) {
            std::span<double const> const part = std::span(values).subspan(begin, count);
            std::vector<std::uint16_t> out(count + 1, 0xABCD);
            HalfLedger().convert(part, std::span(out).first(count));
            for (std::size_t i = 0; i < count; ++i) {
                ASSERT_EQ(out[i], half_from(part[i])) << begin << " " << count << " " << i;
            }
            ASSERT_EQ(out[count], 0xABCD) << "wrote past the end";
        }
    }
}

// Doubles that are all floats take a faster way; one that is not must be noticed wherever it stands.
TEST(HalfLedger, RoundsTheOneDoubleThatIsNoFloatOnce) {
    double const just_above_a_tie = 1.0 + 0x1p-11 + 0x1p-40;  // as a float it is the tie, which rounds to even: down
    for_each_instruction_set([&] {
        for (std::size_t const position : {0U, 1U, 15U, 16U, 500U, 990U, 999U}) {
            std::vector<double> values(1000);
            for (std::size_t i = 0; i < values.size(); ++i) {
                values[i] = static_cast<double>(i) - 500.0;
            }
            values[position] = just_above_a_tie;
            std::vector<std::uint16_t> halves(values.size());
            HalfLedger ledger;
            ledger.convert(std::span<double const>(values), halves);
            for (std::size_t i = 0; i < values.size(); ++i) {
                ASSERT_EQ(halves[i], half_from(values[i])) << i;
            }
            EXPECT_EQ(ledger.statistics().num_inexact, 1) << position;
        }
    });
}

TEST(HalfLedger, HasOneZeroForBoth) {
    for_each_instruction_set([&] {
        for (double const first : {-0.0, 0.0}) {
            std::vector<double> values(100, -first);
            values[0] = first;
            std::vector<std::uint16_t> halves(values.size());
            HalfLedger ledger;
            ledger.convert(std::span<double const>(values), halves);
            EXPECT_FALSE(std::signbit(ledger.statistics().min));
            EXPECT_FALSE(std::signbit(ledger.statistics().max));
        }
    });
}

TEST(HalfLedger, CopiesStoredHalvesBitForBit) {
    std::vector<StoredHalf> stored;
    std::vector<std::uint16_t> bits;
    for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
        stored.push_back({static_cast<std::uint16_t>(i)});
        bits.push_back(static_cast<std::uint16_t>(i));
    }
    for_each_instruction_set([&] {
        std::vector<std::uint16_t> copied(stored.size());
        HalfStatistics const statistics = convert_in_blocks(std::span<StoredHalf const>(stored), std::span(copied));
        EXPECT_TRUE(copied == bits);  // payloads of NaN too
        EXPECT_EQ(statistics.num_nan, 2 * 1023);
        EXPECT_EQ(statistics.num_out_of_range, 2);
        EXPECT_EQ(statistics.num_inexact, 0);
    });
}

}  // namespace
}  // namespace ctclip
