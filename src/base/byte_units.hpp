/// Binary units, for sizes that people read.
#pragma once

namespace ctclip {

inline constexpr double kBytesPerMiB = 1024.0 * 1024.0;
inline constexpr double kBytesPerGiB = 1024.0 * kBytesPerMiB;

}  // namespace ctclip
