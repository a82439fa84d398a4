#include "mpi/failure_exchange.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "base/digest.hpp"
#include "mpi/mpi_check.hpp"

namespace ctclip {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience(1000);
/// For rank 0 to end a save. Far above what one takes: a store that hangs must not hold the job for ever.
constexpr std::chrono::minutes kLongestSave(30);
constexpr std::size_t kHexDigits = 64;

}  // namespace

FailureExchange::FailureExchange() {
    MPI_Comm comm = MPI_COMM_NULL;
    mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup(failures)");
    comm_.reset(comm);
}

// Statuses are not looked at: this rank is about to end the job in any case.
bool FailureExchange::is_said_by_rank_0(std::string const& text,
                                        std::function<bool()> const& is_rank_0_saving) noexcept {
    int rank = 0;
    int world_size = 1;
    MPI_Comm_rank(comm_.get(), &rank);
    MPI_Comm_size(comm_.get(), &world_size);
    std::string const mine = sha256_hex(text);
    MPI_Request request = MPI_REQUEST_NULL;
    if (rank == 0) {
        for (int other = 1; other < world_size; ++other) {
            // Small enough to be on its way when the call returns; nobody may be there to take it.
            MPI_Isend(mine.data(), static_cast<int>(kHexDigits), MPI_CHAR, other, 0, comm_.get(), &request);
            MPI_Request_free(&request);
        }
        return false;
    }
    std::array<char, kHexDigits> said{};
    MPI_Irecv(said.data(), static_cast<int>(kHexDigits), MPI_CHAR, 0, 0, comm_.get(), &request);
    Clock::time_point const last_deadline = Clock::now() + kLongestSave;
    Clock::time_point deadline = Clock::now() + kPatience;
    int is_received = 0;
    while (is_received == 0 && Clock::now() < deadline) {
        if (is_rank_0_saving()) {
            deadline = std::min(Clock::now() + kPatience, last_deadline);
        }
        MPI_Test(&request, &is_received, MPI_STATUS_IGNORE);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return is_received != 0 && mine == std::string_view(said.data(), said.size());
}

}  // namespace ctclip
