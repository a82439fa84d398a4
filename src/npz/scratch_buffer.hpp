/// Grow-only, uninitialised memory that is reused from file to file: faulting in 268 MB afresh for every
/// volume costs more than reading it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace ctclip {

class ScratchBuffer {
  public:
    /// `size_bytes` writable bytes, 64-byte aligned; earlier content is lost. @throws std::bad_alloc
    std::span<std::byte> resize(std::size_t size_bytes);

    /// What it holds already, and would not have to take.
    std::size_t capacity_bytes() const noexcept { return capacity_bytes_; }

    std::span<std::byte> bytes() noexcept { return {memory_.get(), size_bytes_}; }
    std::span<std::byte const> bytes() const noexcept { return {memory_.get(), size_bytes_}; }

  private:
    struct Free {
        void operator()(std::byte* memory) const noexcept { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> memory_;
    std::size_t capacity_bytes_ = 0;
    std::size_t size_bytes_ = 0;
};

}  // namespace ctclip
