/// Binary records out of untrusted bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace ctclip {

/// Little-endian fields one after the other; never reads past its bytes.
class FieldReader {
  public:
    FieldReader(std::span<std::byte const> bytes, std::string what) : rest_(bytes), what_(std::move(what)) {}

    template <class T>
    T take() {
        T value;
        std::memcpy(&value, take_bytes(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::span<std::byte const> take_bytes(std::size_t count) {
        require(count <= rest_.size(), ExitCode::kBadInput, "{} is cut off", what_);
        std::span<std::byte const> const taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }
    std::string take_text(std::size_t count) {
        std::span<std::byte const> const taken = take_bytes(count);
        return {reinterpret_cast<char const*>(taken.data()), taken.size()};
    }
    bool is_at_end() const { return rest_.empty(); }

  private:
    std::span<std::byte const> rest_;
    std::string what_;
};

}  // namespace ctclip
