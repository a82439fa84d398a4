/// One move-only owner for C resources. Traits give `Raw`, `null()` and `close(Raw) noexcept`; a close that can lose
/// data (a written file) must be an explicit, checked commit instead: a destructor cannot report it.
#pragma once

#include <utility>

namespace ctclip {

template <class Traits>
class UniqueHandle {
  public:
    using Raw = typename Traits::Raw;

    UniqueHandle() noexcept = default;
    explicit UniqueHandle(Raw raw) noexcept : raw_(raw) {}
    UniqueHandle(UniqueHandle const&) = delete;
    UniqueHandle& operator=(UniqueHandle const&) = delete;
    UniqueHandle(UniqueHandle&& other) noexcept : raw_(other.release()) {}
    UniqueHandle& operator=(UniqueHandle&& other) noexcept {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    ~UniqueHandle() { reset(); }

    Raw get() const noexcept { return raw_; }
    explicit operator bool() const noexcept { return raw_ != Traits::null(); }
    [[nodiscard]] Raw release() noexcept { return std::exchange(raw_, Traits::null()); }
    void reset(Raw raw = Traits::null()) noexcept {
        Raw const old = std::exchange(raw_, raw);
        if (old != Traits::null()) {
            Traits::close(old);
        }
    }

  private:
    Raw raw_ = Traits::null();
};

}  // namespace ctclip
