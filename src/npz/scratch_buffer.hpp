/// Grow-only, uninitialised memory that is reused from file to file: faulting in 268 MB afresh for every
/// volume costs more than reading it.
#pragma once

#include <cstddef>
#include <span>

#include "base/large_memory.hpp"

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
    LargeMemory memory_;
    std::size_t capacity_bytes_ = 0;
    std::size_t size_bytes_ = 0;
};

}  // namespace ctclip
