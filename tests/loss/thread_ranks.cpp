#include "loss/thread_ranks.hpp"

#include <ATen/Parallel.h>

#include <barrier>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ctclip {
namespace {

/// What the ranks share: a place each for the buffer it shows to the others.
struct Meeting {
    explicit Meeting(int size) : barrier(size), shown(static_cast<std::size_t>(size)) {}

    std::barrier<> barrier;
    std::vector<void const*> shown;
};

class ThreadCommunicator final : public Communicator {
  public:
    ThreadCommunicator(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}

    int rank() const noexcept override { return rank_; }
    int world_size() const noexcept override { return static_cast<int>(meeting_.shown.size()); }
    Memory memory() const noexcept override { return Memory::kHost; }

    void barrier() override { meeting_.barrier.arrive_and_wait(); }
    void all_gather(void const* sent, void* received, std::size_t num_bytes) override {
        show(sent, [&](std::size_t rank, void const* other) {
            std::memcpy(static_cast<char*>(received) + rank * num_bytes, other, num_bytes);
        });
    }
    void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) override {
        element == Element::kF64 ? scatter_sum<double>(sent, received, count)
                                 : scatter_sum<float>(sent, received, count);
    }
    void progress() override {}

    void broadcast(void*, std::size_t, int) override { throw std::logic_error("not needed here"); }
    void all_reduce(void*, std::size_t, Element, Reduction) override {
        throw std::logic_error("not needed here");
    }
    std::unique_ptr<PendingCollective> all_reduce_async(void*, std::size_t, Element, Reduction) override {
        throw std::logic_error("not needed here");
    }

  private:
    template <class Visit>
    void show(void const* mine, Visit const& visit) {
        meeting_.shown[static_cast<std::size_t>(rank_)] = mine;
        barrier();
        for (std::size_t rank = 0; rank < meeting_.shown.size(); ++rank) {
            visit(rank, meeting_.shown[rank]);
        }
        barrier();
    }

    template <class T>
    void scatter_sum(void const* sent, void* received, std::size_t count) {
        auto* const sum = static_cast<T*>(received);
        std::fill(sum, sum + count, T(0));
        show(sent, [&](std::size_t, void const* other) {
            T const* const part = static_cast<T const*>(other) + static_cast<std::size_t>(rank_) * count;
            for (std::size_t i = 0; i < count; ++i) {
                sum[i] += part[i];
            }
        });
    }

    Meeting& meeting_;
    int rank_;
};

}  // namespace

void run_ranks(int world_size, std::function<void(Communicator&)> const& body) {
    Meeting meeting(world_size);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(world_size));
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < world_size; ++rank) {
        threads.emplace_back([&, rank] {
            at::set_num_threads(1);  // of this rank's operators
            ThreadCommunicator communicator(meeting, rank);
            try {
                body(communicator);
            } catch (...) {
                errors[static_cast<std::size_t>(rank)] = std::current_exception();
                meeting.barrier.arrive_and_drop();
            }
        });
    }
    threads.clear();
    for (std::exception_ptr const& error : errors) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
}

}  // namespace ctclip
