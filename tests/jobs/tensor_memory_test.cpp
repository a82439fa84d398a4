#include <gtest/gtest.h>
#include <jemalloc/jemalloc.h>

#include <string>

namespace {

TEST(TensorMemory, ComesFromJemallocWithOurSettings) {
    char const* thp = nullptr;
    std::size_t size = sizeof thp;
    ASSERT_EQ(mallctl("opt.thp", &thp, &size, nullptr, 0), 0);
    EXPECT_EQ(std::string(thp), "always");
    ssize_t decay_ms = 0;
    size = sizeof decay_ms;
    ASSERT_EQ(mallctl("opt.dirty_decay_ms", &decay_ms, &size, nullptr, 0), 0);
    EXPECT_EQ(decay_ms, -1);
}

}  // namespace
