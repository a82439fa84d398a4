#include "base/digest.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/error.hpp"

namespace ctclip {

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

namespace {
void check(int status) { require(status == 1, ExitCode::kInternal, "OpenSSL could not compute a SHA-256"); }
}  // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
    check(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<std::byte const> bytes) {
    check(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

std::string Sha256::finish_hex() {
    std::array<unsigned char, 32> digest{};
    check(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr));
    std::string hex;
    for (unsigned char const byte : digest) {
        hex += fmt::format("{:02x}", byte);
    }
    return hex;
}

std::string sha256_hex(std::span<std::byte const> bytes) {
    Sha256 sha;
    sha.update(bytes);
    return sha.finish_hex();
}

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

}  // namespace ctclip
