/// SHA-256 (OpenSSL), incremental.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ctclip {

class Sha256 {
  public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(std::span<std::byte const> bytes);
    void update(std::string_view text);
    /// 64 lower-case hex digits of everything so far; the object is spent.
    std::string finish_hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_hex(std::span<std::byte const> bytes);
std::string sha256_hex(std::string_view text);

}  // namespace ctclip
