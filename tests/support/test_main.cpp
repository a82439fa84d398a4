// main of the single-process test programs: fails when no test ran, so that a filter or a build slip cannot pass; says
// with 77, which ctest reports as skipped, that all of them were skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    int const status = RUN_ALL_TESTS();
    if (status != 0 || testing::GTEST_FLAG(list_tests)) {
        return status;
    }
    testing::UnitTest const& tests = *testing::UnitTest::GetInstance();
    if (tests.test_to_run_count() == 0) {
        std::fprintf(stderr, "no test ran\n");
        return 1;
    }
    return tests.skipped_test_count() == tests.test_to_run_count() ? 77 : 0;
}
