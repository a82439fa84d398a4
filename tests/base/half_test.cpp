#include "base/half.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/file_descriptor.hpp"

// Conversion to fp16 is held to numpy in tests/npz/half_ledger_test.cpp, together with its fast path.

namespace ctclip {
namespace {

TEST(Half, NanIsCanonical) {
    for (std::uint64_t const bits :
         {0x7FF8'0000'0000'0000U, 0xFFF8'0000'0000'0000U, 0x7FF0'0000'0000'0001U, 0xFFFF'FFFF'FFFF'FFFFU}) {
        EXPECT_EQ(half_from(std::bit_cast<double>(bits)), kHalfNan);
    }
    EXPECT_EQ(half_from(std::bit_cast<float>(0xFF80'0001U)), kHalfNan);
}

TEST(Half, WideningEqualsNumpy) {
    std::vector<float> widened;
    for (std::uint32_t half = 0; half <= 0xFFFF; ++half) {
        float const value = half_to_float(static_cast<std::uint16_t>(half));
        widened.push_back(std::isnan(value) ? std::bit_cast<float>(0x7FC0'0000U) : value);  // payloads are not portable
    }
    nlohmann::json const golden =
        nlohmann::json::parse(read_text_file(std::string(CTCLIP_TEST_DATA) + "/float16/sets.json"));
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(widened))), golden.at("widened_f32_sha256"));
}

TEST(Half, IsUsableAtCompileTime) {
    static_assert(half_from(1.0) == 0x3C00);
    static_assert(half_from(65519.99) == kHalfMax);
    static_assert(half_from(65520) == kHalfInfinity);
    static_assert(half_from(-0.0) == kHalfSign);
    static_assert(half_to_float(0x0001) == 0x1p-24F);
    static_assert(!is_half_finite(kHalfNan) && is_half_finite(kHalfMax));
}

}  // namespace
}  // namespace ctclip
