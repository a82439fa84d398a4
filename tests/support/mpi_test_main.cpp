// main of the MPI test programs. The ranks agree after every test whether it passed; a failure on one rank
// fails all. A rank that failed inside a test may have left the others in a collective: then it ends the job
// after a deadline instead of waiting for ctest's. Rank 0 prints progress, the others only their failures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "base/error.hpp"
#include "mpi/mpi_session.hpp"

namespace {

constexpr std::chrono::seconds kAgreementDeadline(20);

class RankAgreement : public testing::EmptyTestEventListener {
  public:
    RankAgreement() {
        MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
        MPI_Comm_rank(comm_, &rank_);
    }
    RankAgreement(RankAgreement const&) = delete;
    RankAgreement& operator=(RankAgreement const&) = delete;
    ~RankAgreement() override { MPI_Comm_free(&comm_); }

    void OnTestPartResult(testing::TestPartResult const& result) override {
        if (rank_ != 0 && result.failed()) {
            std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_, result.file_name(), result.line_number(),
                         result.message());
        }
    }

    void OnTestEnd(testing::TestInfo const& test) override {
        bool const has_failed_here = test.result()->Failed();
        if (any_rank(has_failed_here, test) && !has_failed_here) {
            ADD_FAILURE() << "failed on another rank";
        }
    }

  private:
    bool any_rank(bool has_failed_here, testing::TestInfo const& test) {
        int value = has_failed_here ? 1 : 0;
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Iallreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MAX, comm_, &request);
        auto const deadline = std::chrono::steady_clock::now() + kAgreementDeadline;
        for (int is_done = 0; is_done == 0;) {
            MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
            if (is_done == 0 && std::chrono::steady_clock::now() > deadline) {
                std::fprintf(
                    stderr, "[rank %d] %s.%s: the other ranks did not finish this test within %d s\n", rank_,
                    test.test_suite_name(), test.name(), static_cast<int>(kAgreementDeadline.count()));
                MPI_Abort(comm_, 1);
            }
            if (is_done == 0) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
        return value != 0;
    }

    MPI_Comm comm_ = MPI_COMM_NULL;
    int rank_ = 0;
};

int run_tests(int rank) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    if (rank != 0) {
        delete listeners.Release(listeners.default_result_printer());
    }
    auto agreement = std::make_unique<RankAgreement>();
    listeners.Append(agreement.get());
    int const status = RUN_ALL_TESTS();
    listeners.Release(agreement.get());
    if (status != 0 || testing::GTEST_FLAG(list_tests)) {
        return status;
    }
    testing::UnitTest const& tests = *testing::UnitTest::GetInstance();
    if (tests.test_to_run_count() == 0) {
        std::fprintf(stderr, "[rank %d] no test ran\n", rank);
        return 1;
    }
    return tests.skipped_test_count() == tests.test_to_run_count() ? 77 : 0;  // as in test_main.cpp
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    try {
        ctclip::MpiSession const session;
        return run_tests(session.communicator().rank());
    } catch (ctclip::Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;  // its own code could be the one that says "skipped"
    }
}
