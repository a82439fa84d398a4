/// Halves that nobody reads for a while, to memory around the cache: a plain store would first fetch what it overwrites,
/// and push out of the cache what is still needed.
#pragma once

#include <cstdint>
#include <span>

namespace ctclip {

/// @param out  as many; must not overlap. Another thread sees them once the two have synchronised, as with any store.
void store_past_cache(std::span<std::uint16_t const> halves, std::span<std::uint16_t> out);

}  // namespace ctclip
