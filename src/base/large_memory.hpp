/// Memory for whole volumes and blocks of files: in large pages where the system gives them, since faulting in small
/// ones, and pinning them for direct I/O, costs as much as filling them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace ctclip {

struct FreeMemory {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
};
using LargeMemory = std::unique_ptr<std::byte, FreeMemory>;

/// Uninitialised; 64-byte aligned, from 2 MiB on aligned to large pages. @throws std::bad_alloc
LargeMemory allocate_large(std::size_t size_bytes);

/// What an allocation of `size_bytes` takes: from 2 MiB on, whole large pages; below, whole cache lines (to which the
/// allocator adds its own rounding, up to a fifth of them).
std::size_t allocated_bytes(std::size_t size_bytes);

template <class T>
struct LargeAllocator {
    using value_type = T;

    LargeAllocator() = default;
    template <class U>
    explicit LargeAllocator(LargeAllocator<U> const&) noexcept {}

    T* allocate(std::size_t count) { return reinterpret_cast<T*>(allocate_large(count * sizeof(T)).release()); }
    void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }
    /// resize() leaves numbers uninitialised: they are about to be written.
    template <class U>
    void construct(U* element) noexcept {
        ::new (static_cast<void*>(element)) U;
    }
    template <class U, class... Arguments>
    void construct(U* element, Arguments&&... arguments) {
        ::new (static_cast<void*>(element)) U(std::forward<Arguments>(arguments)...);
    }
    bool operator==(LargeAllocator const&) const = default;
};
template <class T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace ctclip
