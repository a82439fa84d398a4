#include "npz/store_past_cache.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/error.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ctclip {

void store_past_cache(std::span<std::uint16_t const> halves, std::span<std::uint16_t> out) {
    CTCLIP_EXPECT(halves.size() == out.size());
    std::size_t done = 0;
#if defined(__SSE2__)
    constexpr std::size_t kLineHalves = 64 / sizeof(std::uint16_t);
    if (reinterpret_cast<std::uintptr_t>(out.data()) % 64 == 0) {
        for (; done + kLineHalves <= halves.size(); done += kLineHalves) {  // whole lines, or they are fetched after all
            auto const* const from = reinterpret_cast<__m128i const*>(halves.data() + done);
            auto* const to = reinterpret_cast<__m128i*>(out.data() + done);
            for (std::size_t i = 0; i < 4; ++i) {
                _mm_stream_si128(to + i, _mm_loadu_si128(from + i));
            }
        }
        _mm_sfence();
    }
#endif
    std::copy(halves.begin() + static_cast<std::ptrdiff_t>(done), halves.end(),
              out.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace ctclip
