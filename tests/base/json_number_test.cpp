#include "base/json_number.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace ctclip {
namespace {

TEST(JsonNumber, WhatJsonCannotSayIsNull) {
    EXPECT_EQ(json_number(0.5).dump(), "0.5");
    EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
    EXPECT_EQ(json_number(-std::numeric_limits<double>::infinity()).dump(), "null");
}

}  // namespace
}  // namespace ctclip
