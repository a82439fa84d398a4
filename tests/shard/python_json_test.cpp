#include "shard/python_json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <limits>

#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

TEST(PythonNumber, WritesWhatReprWrites) {
    EXPECT_EQ(python_number(1.0), "1.0");
    EXPECT_EQ(python_number(-1024.0), "-1024.0");
    EXPECT_EQ(python_number(0.0), "0.0");
    EXPECT_EQ(python_number(-0.0), "-0.0");
    EXPECT_EQ(python_number(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(python_number(1e-4), "0.0001");
    EXPECT_EQ(python_number(1e-5), "1e-05");
    EXPECT_EQ(python_number(1.5e-7), "1.5e-07");
    EXPECT_EQ(python_number(1e15), "1000000000000000.0");
    EXPECT_EQ(python_number(9999999999999998.0), "9999999999999998.0");
    EXPECT_EQ(python_number(1e16), "1e+16");
    EXPECT_EQ(python_number(1.2345e22), "1.2345e+22");
    EXPECT_EQ(python_number(1.0000001), "1.0000001");
    EXPECT_EQ(python_number(123456.789), "123456.789");
    EXPECT_EQ(python_number(std::numeric_limits<double>::denorm_min()), "5e-324");
    EXPECT_EQ(python_number(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
}

TEST(PythonNumber, ReadsBackAsTheSameNumber) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        double const value = std::bit_cast<double>(splitmix64(1, i));
        if (value - value == 0.0) {
            EXPECT_EQ(std::strtod(python_number(value).c_str(), nullptr), value);
        }
    }
}

TEST(PythonString, IsAsciiAsJsonDumpsMakesIt) {
    EXPECT_EQ(python_string("plain"), R"("plain")");
    EXPECT_EQ(python_string("a\"b\\c/d"), R"("a\"b\\c/d")");
    EXPECT_EQ(python_string("\n\r\t\b\f\x01\x7f"), R"("\n\r\t\b\f\u0001\u007f")");
    EXPECT_EQ(python_string("M\u00fcller \u2013 \U0001F600"), R"("M\u00fcller \u2013 \ud83d\ude00")");
}

}  // namespace
}  // namespace ctclip
