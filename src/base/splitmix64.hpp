/// SplitMix64 as a counter-based generator: the i-th output for a seed, without state (Steele, Lea, Flood 2014).
/// Everything random in the suite derives from it, so that it is a pure function of (seed, purpose, index).
#pragma once

#include <cstdint>
#include <string_view>

namespace ctclip {

constexpr std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

constexpr std::uint64_t fnv1a64(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (char const c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return hash;
}

/// A seed of its own for one purpose ("dropout", "shuffle", ...), so that two purposes never share a stream.
constexpr std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose) {
    return splitmix64(seed ^ fnv1a64(purpose), 0);
}

/// Uniform in [0, 1), 53 bits.
constexpr double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

}  // namespace ctclip
